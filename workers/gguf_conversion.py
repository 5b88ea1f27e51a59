"""Turns a GGUF file into a folder in Hugging Face layout: `python -m workers.gguf_conversion FILE FOLDER`.

It reads a file that nobody has checked, so it runs within limits, and ends with the process that started it.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from gguf import GGUFReader
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from storage import fork_server

GIB = 1024**3
CPU_S = 3 * 3600
WIDENED = 5
"""The 16-bit weights take at most this many times the file's size; while they are made, up to twice as much."""
PLAIN = ("F64", "F32", "F16", "BF16")
MOST_WORDS = 300


def converted(file: Path, folder: Path) -> dict[str, Any]:
    """Write the model as bfloat16 safetensors, with its tokenizer; returns `made_from` and `license` if known."""
    found = _about(file)
    tokenizer = AutoTokenizer.from_pretrained(str(file.parent), gguf_file=file.name, local_files_only=True)
    tokenizer.save_pretrained(str(folder))
    model = AutoModelForCausalLM.from_pretrained(
        str(file.parent),
        gguf_file=file.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.bfloat16,
        local_files_only=True,
        trust_remote_code=False,
    )
    if hasattr(model.config, "quantization_config"):  # it describes the file, not the weights as they are now
        del model.config.quantization_config
    model.save_pretrained(str(folder))
    return found


def _about(file: Path) -> dict[str, Any]:
    reader = GGUFReader(str(file))
    n_of: Counter[str] = Counter()
    for tensor in reader.tensors:
        n_of[tensor.tensor_type.name] += int(tensor.n_elements)
    kinds = [kind for kind, _ in n_of.most_common() if kind not in PLAIN]
    stated = reader.fields.get("general.license")
    return {"made_from": kinds[0] if kinds else "", "license": str(stated.contents()) if stated else None}


def main() -> None:
    """Convert, and print the outcome as JSON: what was found, or `wrong` with the reason."""
    file, folder = Path(sys.argv[1]), Path(sys.argv[2])
    fork_server.end_with_parent()
    n_bytes = file.stat().st_size
    fork_server.limit(4 * GIB + 3 * WIDENED * n_bytes, CPU_S, 2 * WIDENED * n_bytes + GIB)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    try:
        found = converted(file, folder)
    except MemoryError:
        found = {"wrong": "it needs more memory than the limit allows"}
    except Exception as error:  # the libraries raise whatever their code does for a damaged file
        found = {"wrong": f"{type(error).__name__}: {str(error)[:MOST_WORDS]}"}
    print(json.dumps(found), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
