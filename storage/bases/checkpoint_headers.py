"""Reads a model folder's `config.json` and the headers of its safetensors files.

It loads no weights and runs no code of the model. A safetensors file starts with eight bytes, the
little-endian length of a JSON header that names every tensor with its type, shape and offsets.
"""

from __future__ import annotations

import json
import math
import struct
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.bases import weights_fit
from templates.errors import BadInput, Problem, refuse
from templates.layers import Projection, place_in_block
from templates.spec import BaseFacts

MAX_HEADER_BYTES = 100_000_000
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
DTYPE_BYTES: Mapping[str, int] = {
    "F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2,
    "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "I8": 1, "U8": 1, "BOOL": 1,
}  # fmt: skip
OUTPUT_HEADS = ("lm_head.weight", "embed_out.weight", "output.weight")
EMBEDDING_PARTS = ("embed", "wte", "wpe")
CONTEXT_NAMES = (
    "max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "seq_length", "max_sequence_length",
    "max_seq_length",
)  # fmt: skip
"""Names for the context length in configs of different architectures."""
LONGEST_CONTEXT = 100_000_000
"""Tokenizers write 10^30 for “no limit”."""
ASSUMED_CONTEXT = 2048
"""Context length of a model whose files don't state one."""
CONVERT = "Convert it: load it with transformers on a machine you trust, then `model.save_pretrained(folder)`."


@dataclass(frozen=True)
class Tensor:
    """One tensor as a header describes it."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def n_parameters(self) -> int:
        return math.prod(self.shape)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a model folder. Raises `BadInput` naming the file."""
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise BadInput(Problem("is missing.", file=path.name, remedy=_LAYOUT)) from None
    except (ValueError, RecursionError, OSError) as error:
        raise BadInput(Problem(f"can't be read as JSON ({type(error).__name__}).", file=path.name)) from error
    if not isinstance(document, dict):
        raise BadInput(Problem("must hold a JSON object.", file=path.name))
    return document


_LAYOUT = "Give the folder of a model in Hugging Face layout, with config.json, tokenizer.json and safetensors weights."


def weight_files(folder: Path) -> list[str]:
    """Names of the safetensors files that make up the weights. Raises `BadInput`."""
    if not (folder / INDEX).is_file():
        return [WEIGHTS]
    shards = read_json(folder / INDEX).get("weight_map")
    if not isinstance(shards, dict) or not shards:
        raise BadInput(Problem("has no `weight_map`.", file=INDEX))
    names = {str(name) for name in shards.values()}
    bad = [n for n in sorted(names) if Path(n).name != n or not n.endswith(".safetensors")]
    refuse([Problem(f"names “{n}”, which is not a safetensors file of this folder.", file=INDEX) for n in bad[:5]])
    return sorted(names)


def tensors(folder: Path) -> list[Tensor]:
    """Every tensor of the weights. Raises `BadInput` with the problems of every file."""
    found: dict[str, Tensor] = {}
    problems: list[Problem] = []
    for name in weight_files(folder):
        try:
            found.update((tensor.name, tensor) for tensor in read_header(folder / name))
        except BadInput as error:
            problems += error.problems
    refuse(problems)
    return list(found.values())


def read_header(path: Path) -> list[Tensor]:
    """The tensors of one safetensors file. Raises `BadInput` unless the file is whole."""

    def wrong(message: str, remedy: str = "Copy or download the file again.") -> BadInput:
        return BadInput(Problem(message, file=path.name, remedy=remedy))

    if not path.is_file():
        raise wrong("is missing.")
    size = path.stat().st_size
    with path.open("rb") as file:
        start, header_start = file.read(8), file.read(1)
        is_header = header_start == b"{"  # the length before it may look like another format's first bytes
        if not is_header and start[:2] in (b"PK", b"\x80\x02", b"\x80\x04", b"\x80\x05"):
            raise wrong("is a pickle named like a safetensors file; a pickle can run code.", CONVERT)
        if not is_header and start[:4] == b"GGUF":
            raise wrong("is a GGUF file named like a safetensors file.", "Use the original safetensors.")
        if len(start) < 8:
            raise wrong(f"is not a safetensors file: it has only {size} bytes.")
        (length,) = struct.unpack("<Q", start)
        if length > MAX_HEADER_BYTES or length > size - 8:
            raise wrong(f"is damaged or not a safetensors file: its header claims {length:,} bytes of {size:,}.")
        try:
            file.seek(8)
            header = json.loads(file.read(length))
            return _parsed(header, size - 8 - length)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise wrong(f"has a damaged header: {error}.") from error


def _parsed(header: dict[str, Any], data_bytes: int) -> list[Tensor]:
    """Header entries as tensors that exactly fill the data. Raises `ValueError` and the like."""
    found, spans = [], []
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        tensor = Tensor(name, str(entry["dtype"]), tuple(int(n) for n in entry["shape"]))
        begin, end = (int(n) for n in entry["data_offsets"])
        if tensor.dtype not in DTYPE_BYTES:
            raise ValueError(f"tensor {name} has the unknown type {tensor.dtype}")
        if min(tensor.shape, default=0) < 0 or end - begin != tensor.n_parameters * DTYPE_BYTES[tensor.dtype]:
            raise ValueError(f"the size of tensor {name} does not match its shape")
        found.append(tensor)
        spans.append((begin, end))
    if not found:
        raise ValueError("it names no tensor")
    position = 0
    for begin, end in sorted(spans):
        if begin != position:
            raise ValueError(f"its tensors overlap or leave gaps at byte {begin}")
        position = end
    if position != data_bytes:
        raise ValueError(f"it describes {position:,} bytes of data, but the file holds {data_bytes:,}")
    return found


def _first(config: Mapping[str, Any], names: Iterable[str], problems: list[Problem], default: int | None = None) -> int:
    """The first of `names` that the config gives as a positive integer."""
    names = tuple(names)
    for name in names:
        value = config.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
        if value is not None:
            problems.append(Problem(f"must be a positive whole number, not {value!r}.", file="config.json", field=name))
            return 1
    if default is None:
        problems.append(Problem("is missing.", file="config.json", field=names[0]))
        return 1
    return default


def facts(folder: Path) -> BaseFacts:
    """Facts about the model in `folder`, read without loading it. Raises `BadInput`."""
    config = read_json(folder / "config.json")
    problems: list[Problem] = []
    hidden = _first(config, ("hidden_size", "n_embd", "d_model"), problems)
    heads = _first(config, ("num_attention_heads", "n_head", "n_heads"), problems)
    shape = {
        "hidden_size": hidden,
        "n_heads": heads,
        "n_layers": _first(config, ("num_hidden_layers", "n_layer", "n_layers"), problems),
        "n_kv_heads": _first(config, ("num_key_value_heads", "num_kv_heads"), problems, heads),
        "intermediate_size": _first(config, ("intermediate_size", "n_inner", "ffn_dim"), problems, 4 * hidden),
        "vocab_size": _first(config, ("vocab_size",), problems),
    }
    context = _stated_context(folder, config, problems)
    stored: list[Tensor] = []
    try:
        stored = weights_fit.without_prefixes(tensors(folder))
    except BadInput as error:
        problems += error.problems
    refuse(problems)
    numbers = {**shape, "num_attention_heads": heads, "num_hidden_layers": shape["n_layers"]}
    refuse(weights_fit.absurd(numbers) or weights_fit.misfits(stored, shape["vocab_size"], shape["n_layers"]))
    if config.get("tie_word_embeddings", False):
        stored = [t for t in stored if t.name not in OUTPUT_HEADS]
    linear = [t for t in stored if _is_linear(t, shape["vocab_size"])]
    return BaseFacts(
        architecture=architecture(config),
        n_parameters=sum(t.n_parameters for t in stored),
        n_linear_parameters=sum(t.n_parameters for t in linear),
        weights_bytes=sum((folder / name).stat().st_size for name in weight_files(folder)),
        stored_dtype=_main_dtype(stored),
        linear_modules=tuple(sorted({t.name.split(".")[-2] for t in linear})),
        projections=_projections(linear),
        context_length=context or ASSUMED_CONTEXT,
        context_assumed=context is None,
        **shape,
    )


def context_length(folder: Path) -> int:
    """The context length of the model in `folder`, as in its facts. Raises `BadInput`."""
    problems: list[Problem] = []
    context = _stated_context(folder, read_json(folder / "config.json"), problems)
    refuse(problems)
    return context or ASSUMED_CONTEXT


def _stated_context(folder: Path, config: Mapping[str, Any], problems: list[Problem]) -> int | None:
    """The context length that the config gives, or else the tokenizer; None if neither does."""
    stated: Any = _first(config, CONTEXT_NAMES, problems, 0)
    if not stated and (folder / TOKENIZER_CONFIG).is_file():
        stated = read_json(folder / TOKENIZER_CONFIG).get("model_max_length")
    return int(stated) if isinstance(stated, int | float) and 8 <= stated <= LONGEST_CONTEXT else None


def _projections(linear: Iterable[Tensor]) -> tuple[Projection, ...]:
    """Projections with the same place and shape in every block, counted."""
    counts = Counter((place_in_block(tensor.name.removesuffix(".weight")), tensor.shape) for tensor in linear)
    return tuple(Projection(place=place, shape=(a, b), count=n) for (place, (a, b)), n in sorted(counts.items()))


def architecture(config: Mapping[str, Any]) -> str:
    """The class that the config names; empty when it names none."""
    named = config.get("architectures")
    return str(named[0]) if isinstance(named, list) and named else ""


def _is_linear(tensor: Tensor, vocab_size: int) -> bool:
    """Whether it is a projection weight: two dimensions, neither embedding nor output head."""
    parts = tensor.name.split(".")
    if len(tensor.shape) != 2 or len(parts) < 2 or parts[-1] != "weight" or tensor.name in OUTPUT_HEADS:
        return False
    return vocab_size not in tensor.shape and not any(mark in parts[-2] for mark in EMBEDDING_PARTS)


def _main_dtype(stored: list[Tensor]) -> str:
    counts: dict[str, int] = {}
    for tensor in stored:
        counts[tensor.dtype] = counts.get(tensor.dtype, 0) + tensor.n_parameters
    return max(counts, key=lambda dtype: counts[dtype])
