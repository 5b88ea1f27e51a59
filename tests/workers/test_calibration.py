"""The machine's speed: measured once, then remembered for the same device."""

from __future__ import annotations

import json
import platform
import time

import pytest

from storage.models import User
from storage.settings import settings
from workers import calibration
from workers.devices import Devices

CPU = Devices("cpu", (None,))


@pytest.mark.long
def test_measured_once(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = calibration.of_machine(CPU, 1)
    assert measured
    assert 1e8 < measured < 1e14
    monkeypatch.setattr("subprocess.run", lambda *_args, **_kwargs: pytest.fail("measured again"))
    assert calibration.of_machine(CPU, 1) == measured


def test_what_was_measured_today_is_remembered(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"key": {"device": "cpu", "threads": 1}, "at": time.time() - 60, "flop_per_s": 2.5e10}
    (settings().root / f"calibration-{platform.node()}.json").write_text(json.dumps(known))
    monkeypatch.setattr("subprocess.run", lambda *_args, **_kwargs: pytest.fail("measured again"))
    assert calibration.of_machine(CPU, 1) == 2.5e10


@pytest.mark.parametrize(
    "remembered",
    [
        b"not json",
        b"{}",
        json.dumps(
            {"key": {"device": "cpu", "threads": 1}, "at": time.time() - 2 * 24 * 3600, "flop_per_s": 1}
        ).encode(),
        json.dumps({"key": {"device": "other", "threads": 1}, "at": time.time(), "flop_per_s": 1}).encode(),
    ],
    ids=["damaged", "incomplete", "old", "another device"],
)
def test_measured_anew(studio: User, monkeypatch: pytest.MonkeyPatch, remembered: bytes) -> None:
    (settings().root / f"calibration-{platform.node()}.json").write_bytes(remembered)
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert calibration.of_machine(CPU, 1) is None, "it tried to measure, and says so when it can't"
