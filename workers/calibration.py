"""How fast this machine trains: `python -m workers.calibration` measures it once a day, in two seconds.

The figure is 6 × parameters × tokens / seconds of the quickest forward and backward pass of a small
Llama with all weights trained. On a CPU the model has the size of the bundled one; on a GPU it is
larger and in bfloat16, to keep the GPU busy.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

from storage import files
from storage.programs import program
from storage.settings import settings
from workers import waiting
from workers.devices import Devices

MEASURE_S = 1.5
FRESH_S = 24 * 3600.0
TIMEOUT_S = 120.0
CPU_SHAPE = {"hidden_size": 256, "intermediate_size": 768, "num_hidden_layers": 6, "rows": 8}
GPU_SHAPE = {"hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 8, "rows": 16}
ROW_TOKENS = 128

log = logging.getLogger(__name__)


def of_machine(devices: Devices, threads: int) -> float | None:
    """Training speed in FLOP/s, from today's file or measured now; None if it can't be measured."""
    cache = settings().root / f"calibration-{platform.node()}.json"
    key = {"device": devices.name, "threads": threads}
    known = _read(cache)
    if known and known["key"] == key and time.time() - known["at"] < FRESH_S:
        return float(known["flop_per_s"])
    environment = {**os.environ, **waiting.ENVIRONMENT, "OMP_NUM_THREADS": str(threads)}
    if devices.visible[0] is not None:
        environment["CUDA_VISIBLE_DEVICES"] = devices.visible[0]
    command = program("workers.calibration")
    try:
        done = subprocess.run(command, capture_output=True, env=environment, timeout=TIMEOUT_S, check=True)
        flop_per_s = float(json.loads(done.stdout)["flop_per_s"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
        log.warning("the machine's speed could not be measured: %s", error)
        return None
    with files.atomic_file(cache) as file:
        file.write(json.dumps({"key": key, "at": time.time(), "flop_per_s": flop_per_s}).encode())
    return flop_per_s


def _read(cache: Path) -> dict[str, Any] | None:
    try:
        known: dict[str, Any] = json.loads(cache.read_bytes())
    except (OSError, ValueError):  # missing or damaged: measure again
        return None
    return known if known.keys() >= {"key", "at", "flop_per_s"} else None


def measure() -> float:
    """FLOP/s of this process's first device."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda" if on_gpu else "cpu")
    shape = dict(GPU_SHAPE if on_gpu else CPU_SHAPE)
    rows = shape.pop("rows")
    config = LlamaConfig(
        vocab_size=4096, num_attention_heads=8, num_key_value_heads=8, tie_word_embeddings=True, **shape
    )
    dtype = torch.bfloat16 if on_gpu else torch.float32
    model = LlamaForCausalLM(config).to(device=device, dtype=dtype)
    ids = torch.randint(0, config.vocab_size, (rows, ROW_TOKENS), device=device)
    n_parameters: int = sum(parameter.numel() for parameter in model.parameters())

    def step() -> None:
        model(input_ids=ids, labels=ids).loss.backward()
        model.zero_grad(set_to_none=True)
        if on_gpu:
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
    print(json.dumps({"flop_per_s": measure()}))
