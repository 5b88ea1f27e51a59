"""The files of a base model's folder that say how texts become tokens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from templates.errors import BadInput, Problem

if TYPE_CHECKING:
    from tokenizers import Tokenizer

NAMED_TOKENS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


def tokenizer(folder: Path) -> Tokenizer:
    """Its tokenizer. Raises `BadInput` if it can't be loaded."""
    from tokenizers import Tokenizer  # needed late: the web process starts faster and smaller without it

    file = folder / "tokenizer.json"
    try:
        loaded = Tokenizer.from_file(str(file))
    except Exception as error:  # tokenizers raises a bare Exception for any flaw in the file
        raise BadInput(Problem(f"the tokenizer can't be loaded: {error}.", file=file.name)) from error
    loaded.no_truncation()
    loaded.no_padding()
    return loaded


def document(folder: Path, name: str) -> dict[str, Any]:
    """The JSON object in this file; empty without one. Raises `BadInput` for other content."""
    file = folder / name
    if not file.is_file():
        return {}
    try:
        read = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BadInput(Problem(f"is not valid JSON: {error}.", file=name)) from error
    return read if isinstance(read, dict) else {}


def named_tokens(folder: Path) -> dict[str, str]:
    """The special tokens by their part: `eos_token` → `<|im_end|>`."""
    named = {**document(folder, "special_tokens_map.json"), **document(folder, "tokenizer_config.json")}
    return {part: text for part in NAMED_TOKENS if (text := _token_text(named.get(part))) is not None}


def eos_ids(folder: Path, tokenizer: Tokenizer, named: str | None) -> list[int]:
    """The ids that the base model declares as the end of an answer; that of the token `named` first."""
    found: list[Any] = [tokenizer.token_to_id(named)] if named else []
    for name in ("generation_config.json", "config.json"):
        declared = document(folder, name).get("eos_token_id")
        found += declared if isinstance(declared, list) else [declared]
    ids = [i for i in dict.fromkeys(found) if isinstance(i, int) and tokenizer.id_to_token(i) is not None]
    if not ids:
        raise BadInput(
            Problem(
                "names no end token, so answers could not end.",
                file="tokenizer_config.json",
                field="eos_token",
                remedy="Set eos_token to a token of the vocabulary.",
            )
        )
    return ids


def template(folder: Path) -> str | None:
    """Its chat template; None if it has none."""
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text("utf-8")
    given = document(folder, "tokenizer_config.json").get("chat_template")
    if isinstance(given, list):
        named = {entry["name"]: entry["template"] for entry in given}
        given = named.get("default") or next(iter(named.values()), None)
    return given if isinstance(given, str) else None


def _token_text(value: Any) -> str | None:
    text = value.get("content") if isinstance(value, Mapping) else value
    return text if isinstance(text, str) else None
