"""Slots and GPUs. The driver's answer is given by hand: this is the one thing a test machine may lack."""

from __future__ import annotations

import pytest

from storage.models import User
from tests.conftest import forget_caches
from workers import devices

TWO = {"0": ("GPU-aaaa", "NVIDIA H200"), "1": ("GPU-bbbb", "NVIDIA L4")}


@pytest.mark.parametrize(
    ("present", "visible", "name", "slots"),
    [
        ({}, None, "cpu", (None,)),
        (TWO, None, "NVIDIA H200", ("0", "1")),
        (TWO, "1", "NVIDIA L4", ("1",)),
        (TWO, "GPU-bbbb", "NVIDIA L4", ("GPU-bbbb",)),
        (TWO, "", "cpu", (None,)),
        (TWO, "-1", "cpu", (None,)),
    ],
)
def test_one_slot_for_each_visible_gpu(
    studio: User,
    monkeypatch: pytest.MonkeyPatch,
    present: dict[str, tuple[str, str]],
    visible: str | None,
    name: str,
    slots: tuple[str | None, ...],
) -> None:
    monkeypatch.setattr(devices, "_gpus", lambda: present)
    environ = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert devices.find(environ) == devices.Devices(name, slots)


@pytest.mark.parametrize(("present", "slots"), [({}, (None, None, None)), (TWO, ("0", "1", "0"))])
def test_the_number_of_slots_can_be_set(
    studio: User,
    monkeypatch: pytest.MonkeyPatch,
    present: dict[str, tuple[str, str]],
    slots: tuple[str | None, ...],
) -> None:
    monkeypatch.setenv("STUDIO_WORKER_SLOTS", "3")
    forget_caches()
    monkeypatch.setattr(devices, "_gpus", lambda: present)
    assert devices.find({}).visible == slots


def test_this_machine_can_be_asked(studio: User) -> None:
    assert len(devices.find().visible) >= 1
