"""How fast this machine trains: `python -m workers.calibration` measures it once a day, in a few seconds.

The figure is 6 × parameters × tokens / seconds of the quickest forward and backward pass of a small
Llama with all weights trained. On a CPU there are two: one for a model as narrow as the bundled ones, and one for
a model as wide as real ones, in bfloat16 if the processor is faster then. On a GPU there is one, of a larger
model in bfloat16, to keep the GPU busy.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import subprocess
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage import files
from storage.programs import program
from storage.settings import settings
from workers import waiting
from workers.devices import Devices

if TYPE_CHECKING:
    import torch

MEASURE_S = 1.5
FRESH_S = 24 * 3600.0
TIMEOUT_S = 120.0
CPU_SHAPE = {"hidden_size": 256, "intermediate_size": 768, "num_hidden_layers": 6, "rows": 8}
WIDE_SHAPE = {"hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 4, "rows": 8}
GPU_SHAPE = {"hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 8, "rows": 16}
ROW_TOKENS = 128

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Speed:
    """Training speeds in FLOP/s."""

    flop_per_s: float
    wide_flop_per_s: float | None
    """For wide models (`BaseFacts.is_wide`), on a CPU."""


def of_machine(devices: Devices, threads: int) -> Speed | None:
    """Training speed, from today's file or measured now; None if it can't be measured."""
    cache = settings().root / f"calibration-{platform.node()}.json"
    key = {"device": devices.name, "threads": threads}
    known = _read(cache)
    if known and known["key"] == key and time.time() - known["at"] < FRESH_S:
        return Speed(float(known["flop_per_s"]), known["wide_flop_per_s"])
    environment = {**os.environ, **waiting.ENVIRONMENT, "OMP_NUM_THREADS": str(threads)}
    if devices.visible[0] is not None:
        environment["CUDA_VISIBLE_DEVICES"] = devices.visible[0]
    command = program("workers.calibration")
    try:
        done = subprocess.run(command, capture_output=True, env=environment, timeout=TIMEOUT_S, check=True)
        speed = Speed(**json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError) as error:
        log.warning("the machine's speed could not be measured: %s", error)
        return None
    with files.atomic_file(cache) as file:
        file.write(json.dumps({"key": key, "at": time.time(), **asdict(speed)}).encode())
    return speed


def _read(cache: Path) -> dict[str, Any] | None:
    try:
        known: dict[str, Any] = json.loads(cache.read_bytes())
    except (OSError, ValueError):  # missing or damaged: measure again
        return None
    return known if known.keys() >= {"key", "at", "flop_per_s", "wide_flop_per_s"} else None


def measure() -> Speed:
    """The speed of this process's first device."""
    import torch

    if torch.cuda.is_available():
        return Speed(_flop_per_s(GPU_SHAPE, torch.device("cuda")), None)
    cpu = torch.device("cpu")
    return Speed(_flop_per_s(CPU_SHAPE, cpu), _flop_per_s(WIDE_SHAPE, cpu))


def _flop_per_s(shape: Mapping[str, int], device: torch.device) -> float:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from workers import precision

    torch.manual_seed(0)
    sizes = dict(shape)
    rows = sizes.pop("rows")
    config = LlamaConfig(
        vocab_size=4096, num_attention_heads=8, num_key_value_heads=8, tie_word_embeddings=True, **sizes
    )
    dtype = precision.compute_dtype(device, config.hidden_size)
    model = LlamaForCausalLM(config).to(device=device, dtype=dtype if device.type == "cuda" else torch.float32)
    ids = torch.randint(0, config.vocab_size, (rows, ROW_TOKENS), device=device)
    n_parameters: int = sum(parameter.numel() for parameter in model.parameters())

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=dtype == torch.bfloat16):
            loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        model.zero_grad(set_to_none=True)
        if device.type == "cuda":
            torch.cuda.synchronize()

    step()
    best_s, until = float("inf"), time.perf_counter() + MEASURE_S
    while time.perf_counter() < until:
        began = time.perf_counter()
        step()
        best_s = min(best_s, time.perf_counter() - began)  # the machine may be busy
    return 6 * n_parameters * rows * ROW_TOKENS / best_s


if __name__ == "__main__":
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    print(json.dumps(asdict(measure())))
