"""The machine's speed: measured once, then remembered for the same device."""

from __future__ import annotations

import json
import platform
import time

import pytest

from storage.models import User
from storage.settings import settings
from workers import calibration
from workers.calibration import Speed
from workers.devices import Devices

CPU = Devices("cpu", (None,))


def remembered(device: str, *, age_s: float, **measured: float) -> bytes:
    key = {"device": device, "threads": 1}
    return json.dumps({"key": key, "at": time.time() - age_s, **measured}).encode()


@pytest.mark.long
def test_measured_once(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = calibration.of_machine(CPU, 1)
    assert measured
    assert 1e8 < measured.flop_per_s < 1e14
    assert measured.wide_flop_per_s
    assert measured.wide_flop_per_s > 1e8
    monkeypatch.setattr("subprocess.run", lambda *_args, **_kwargs: pytest.fail("measured again"))
    assert calibration.of_machine(CPU, 1) == measured


def test_what_was_measured_today_is_remembered(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    known = remembered("cpu", age_s=60, flop_per_s=2.5e10, wide_flop_per_s=9e10)
    (settings().root / f"calibration-{platform.node()}.json").write_bytes(known)
    monkeypatch.setattr("subprocess.run", lambda *_args, **_kwargs: pytest.fail("measured again"))
    assert calibration.of_machine(CPU, 1) == Speed(2.5e10, 9e10)


@pytest.mark.parametrize(
    "known",
    [
        b"not json",
        b"{}",
        remembered("cpu", age_s=2 * 24 * 3600, flop_per_s=1, wide_flop_per_s=1),
        remembered("other", age_s=0, flop_per_s=1, wide_flop_per_s=1),
        remembered("cpu", age_s=0, flop_per_s=1),
    ],
    ids=["damaged", "incomplete", "old", "another device", "of the narrow model alone"],
)
def test_measured_anew(studio: User, monkeypatch: pytest.MonkeyPatch, known: bytes) -> None:
    (settings().root / f"calibration-{platform.node()}.json").write_bytes(known)
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert calibration.of_machine(CPU, 1) is None, "it tried to measure, and says so when it can't"
