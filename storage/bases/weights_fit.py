"""Whether the tensors in a model's files fit its config, as far as names and shapes in their headers tell.

`workers.weight_check` compares them with the architecture's own; what is here needs no transformers.
"""

from __future__ import annotations

import json
import re
import struct
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from templates.errors import BadInput, Problem, refuse

if TYPE_CHECKING:
    from storage.bases.checkpoint_headers import Tensor

COMPILED = "_orig_mod"
"""What `torch.compile` puts into the names of the module that it wraps."""
WRAPPERS = ("module.", "base_model.model.")
"""What DataParallel and PEFT put before every name."""
INNER = ("model.", "lm_head.", "embed_out.", "transformer.", "gpt_neox.", "backbone.", "output.")
"""How names in a causal language model start: if all start with `model.` and then with one of these, it wraps one."""
WRAPPER = "model."
EMBEDDINGS = ("embed_tokens", "wte", "embed_in", "word_embeddings", "tok_embeddings")
MOST: Mapping[str, int] = {
    "vocab_size": 10_000_000,
    "hidden_size": 1_000_000,
    "intermediate_size": 10_000_000,
    "num_hidden_layers": 10_000,
    "num_attention_heads": 100_000,
}
"""Far beyond every known model."""
NAMED = 3
_BLOCK = re.compile(r"(?:^|\.)(?:layers|h|blocks|block|layer)\.(\d+)\.")
_ORIGINAL = "Give the model's original files."


def renamed(names: Collection[str]) -> dict[str, str]:
    """The names that lose a known prefix → what is left of them. Raises `BadInput` if two names become one."""
    found = {name: _without_compiled(name) for name in names}
    while prefix := _wrapper(found.values()):
        found = {name: left.removeprefix(prefix) for name, left in found.items()}
    twice = [left for left, n in Counter(found.values()).items() if n > 1]
    refuse([Problem(f"has the tensor {left} twice, under two prefixes.", remedy=_ORIGINAL) for left in twice[:NAMED]])
    return {name: left for name, left in found.items() if left != name}


def _without_compiled(name: str) -> str:
    return ".".join(part for part in name.split(".") if part != COMPILED)


def _wrapper(names: Iterable[str]) -> str | None:
    names = list(names)
    for prefix in WRAPPERS:
        if all(name.startswith(prefix) for name in names):
            return prefix
    wrapped = all(name.startswith(WRAPPER) for name in names)
    inner = tuple(WRAPPER + start for start in INNER)
    return WRAPPER if wrapped and any(name.startswith(inner) for name in names) else None


def prefix_of(changed: Mapping[str, str]) -> str:
    """What renaming removed, for people: the prefix, or the part inside the names."""
    name, left = min(changed.items())
    return name.removesuffix(left) if name.endswith(left) else f"{COMPILED}."


def without_prefixes(stored: Sequence[Tensor]) -> list[Tensor]:
    """The tensors under the names that they get when the model is added."""
    changed = renamed([tensor.name for tensor in stored])
    return [replace(tensor, name=changed.get(tensor.name, tensor.name)) for tensor in stored]


def rename(folder: Path, files: Sequence[str], index: str) -> str:
    """Remove known prefixes from the tensors' names in a copied model's files; returns what was removed, or "".

    Headers keep their length, so no data moves: the shorter names leave room for blanks at the end.
    """
    headers = {name: _header(folder / name) for name in files}
    changed = renamed([name for header in headers.values() for name in header if name != "__metadata__"])
    if not changed:
        return ""
    for file, header in headers.items():
        _rewrite(folder / file, {changed.get(name, name): entry for name, entry in header.items()})
    if (folder / index).is_file():
        document = json.loads((folder / index).read_bytes())
        document["weight_map"] = {changed.get(name, name): file for name, file in document["weight_map"].items()}
        (folder / index).write_text(json.dumps(document), "utf-8")
    return prefix_of(changed)


def _header(path: Path) -> dict[str, object]:
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header: dict[str, object] = json.loads(file.read(length))
    return header


def _rewrite(path: Path, header: Mapping[str, object]) -> None:
    with path.open("r+b") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        written = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
        if len(written) > length:
            raise BadInput(Problem("has a header that can't be rewritten.", file=path.name, remedy=_ORIGINAL))
        file.write(written.ljust(length))


def absurd(numbers: Mapping[str, int]) -> list[Problem]:
    """Numbers in the config that no model has."""
    return [
        Problem(f"{numbers[name]:,} is not plausible.", file="config.json", field=name, remedy=_ORIGINAL)
        for name, most in MOST.items()
        if numbers[name] > most
    ]


def misfits(stored: Sequence[Tensor], vocab_size: int, n_layers: int) -> list[Problem]:
    """Contradictions between the config's numbers and the tensors."""
    problems = []
    for tensor in stored:
        parts = tensor.name.split(".")
        if len(tensor.shape) != 2 or len(parts) < 2 or parts[-2] not in EMBEDDINGS or parts[-1] != "weight":
            continue
        if tensor.shape[0] != vocab_size:
            message = f"is {vocab_size:,}, but the tensor {tensor.name} has {tensor.shape[0]:,} rows."
            problems.append(Problem(message, file="config.json", field="vocab_size", remedy=_ORIGINAL))
    blocks = {int(found[1]) for tensor in stored if (found := _BLOCK.search(tensor.name))}
    lacking = [i for i in range(n_layers) if i not in blocks] if blocks else []
    if lacking:
        which = ", ".join(map(str, lacking[:NAMED])) + (" …" if len(lacking) > NAMED else "")
        message = f"is {n_layers:,}, but the files have no tensors of the layers numbered {which}."
        problems.append(Problem(message, file="config.json", field="num_hidden_layers", remedy=_ORIGINAL))
    return problems
