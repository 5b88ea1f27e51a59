"""Finds the GPUs that this worker may use, without importing torch."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from storage.settings import settings

QUERY = ("nvidia-smi", "--query-gpu=index,uuid,name", "--format=csv,noheader")
QUERY_S = 20.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Devices:
    """The device that the slots run on."""

    name: str
    """`cpu`, or the GPU's name."""
    visible: tuple[str | None, ...]
    """CUDA_VISIBLE_DEVICES of each slot; None on the CPU."""


def find(environ: Mapping[str, str] = os.environ) -> Devices:
    """One slot for each GPU that `CUDA_VISIBLE_DEVICES` leaves visible, else one on the CPU.

    `STUDIO_WORKER_SLOTS` sets the number of slots; if there are more slots than GPUs, they share.
    """
    present = _gpus()
    chosen = environ.get("CUDA_VISIBLE_DEVICES")
    keys = list(present) if chosen is None else [key.strip() for key in chosen.split(",") if key.strip()]
    if not present or not keys or keys[0] == "-1":
        return Devices("cpu", (None,) * (settings().worker_slots or 1))
    name = _name(keys[0], present)
    slots = settings().worker_slots or len(keys)
    return Devices(name, tuple(keys[slot % len(keys)] for slot in range(slots)))


def _name(key: str, present: Mapping[str, tuple[str, str]]) -> str:
    for index, (uuid, name) in present.items():
        if key == index or uuid.startswith(key):
            return name
    return "GPU"


def _gpus() -> dict[str, tuple[str, str]]:
    """The driver's GPUs: index → (uuid, name)."""
    if not any(Path("/dev").glob("nvidia[0-9]*")):
        return {}
    try:
        answer = subprocess.run(QUERY, capture_output=True, text=True, timeout=QUERY_S, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("there is an NVIDIA device, but nvidia-smi does not answer (%s): jobs run on the CPU", error)
        return {}
    found = {}
    for line in answer.splitlines():
        index, uuid, name = (part.strip() for part in line.split(",", 2))
        found[index] = (uuid, name)
    return found
