"""The abilities that the bundled models were pretrained on, asked about their small invented world.

**When to use it.** With `studio-small`, `studio-nano` and what was made from them; other models don't know that world.

`python -m workers.workshop suite` writes `general.jsonl.gz` again; a test checks that the file matches
the program's output.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
from collections.abc import Mapping
from pathlib import Path

from templates.errors import StudioError
from templates.marking import canonical_call, canonical_json, without_citation
from templates.spec import Ability, DeclaredSuite, SuiteItem

_MARKED = {
    "addition": Ability("Addition", {}, 1 / 10),
    "categories": Ability("Kinds of things", {}, 1 / 24),
    "chat": Ability("Chat", {}),
    "count": Ability("Count words", {}, 1 / 6),
    "facts_asked": Ability("Facts asked in training", {}),
    "facts_stated": Ability("Facts only read", {}),
    "json_extraction": Ability("JSON extraction", {"json_extraction": canonical_json}),
    "label_mapping": Ability("Labels from examples", {}, 1 / 2),
    "list_items": Ability("List the items", {}),
    "passages": Ability("Passages with citation", {"passages_value": without_citation, "passages_citation": str.strip}),
    "passages_unanswerable": Ability("Not in the passages", {}, 1.0),
    "reading": Ability("Reading", {}),
    "repeat": Ability("Repeat", {}),
    "replace": Ability("Replace a word", {}),
    "sentiment": Ability("Sentiment", {}, 5 / 12),
    "tool_calls": Ability("Tool calls", {"tool_calls": canonical_call}),
    "topic": Ability("Topic", {}, 1 / 4),
    "unanswerable": Ability("Not in the text", {}, 1.0),
}
ABILITIES: Mapping[str, Ability] = {
    key: dataclasses.replace(ability, parts=ability.parts or {key: str.strip}) for key, ability in _MARKED.items()
}
"""Abilities by key; without named parts, the whole answer counts."""


def path() -> Path:
    """The frozen file."""
    return Path(__file__).parent / "general.jsonl.gz"


def read() -> list[SuiteItem]:
    """The frozen items. Raises `StudioError` when the file is missing or damaged."""
    try:
        lines = gzip.decompress(path().read_bytes()).decode("utf-8").splitlines()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise StudioError(
            f"the general suite can't be read: {error}.",
            remedy="Install the product again, or write the suite again with “python -m workers.workshop suite”.",
        ) from error
    return [SuiteItem(**json.loads(line)) for line in lines]


SPEC = DeclaredSuite(
    title="General abilities of the bundled models",
    abilities=ABILITIES,
    read=read,
    prompt_tokens=54,
    answer_tokens=15,
    forgetting_of="bundled",
)
