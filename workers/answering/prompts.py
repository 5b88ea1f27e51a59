"""The prompts of a dataset's rows: which can be answered, and which can't."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storage.data import row_files
from templates import registry, turns
from templates.errors import BadInput, StudioError
from workers.orders.generate import GenerationOrder

Encode = Callable[[list[dict[str, Any]], list[dict[str, Any]]], list[int]]
"""Takes a conversation and its tools; returns the prompt's tokens. Raises `BadInput` for one it can't render."""


@dataclass(frozen=True)
class Prompt:
    """The prompt of one row."""

    row: Mapping[str, Any]
    turns: list[dict[str, Any]]
    """The turns; the last one is for the teacher to answer."""
    ids: list[int]
    """Empty for a service, which has a tokenizer of its own."""
    expected: str | None = None
    """The row's own answer."""

    @property
    def row_number(self) -> int:
        """The number of its row."""
        return int(self.row["source_row"])

    @property
    def text(self) -> str:
        """All its turns, as lines."""
        return "\n".join(turns.said(turn) for turn in self.turns)


@dataclass(frozen=True)
class Left:
    """Numbers of the rows whose prompts are not asked, by reason."""

    too_long: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    """The row has no question, or it can't be rendered for the teacher."""
    reasons: list[str] = field(default_factory=list)
    """Why the refused rows with a question can't be rendered."""

    def among(self, numbers: Container[int]) -> Left:
        """Those with these numbers."""
        too_long, refused = ([one for one in rows if one in numbers] for rows in (self.too_long, self.refused))
        return Left(too_long, refused, self.reasons)

    @property
    def first(self) -> str:
        """Why the first refused prompt can't be rendered."""
        return f"the first because {next(iter(self.reasons), 'it asks nothing').rstrip('.')}"


def read(
    order: GenerationOrder,
    encode: Encode,
    context: int | None = None,
    rows: Sequence[Mapping[str, Any]] | None = None,
) -> tuple[list[Prompt], Left]:
    """Every answerable prompt, and the rows of the others. Raises `StudioError` if there is none.

    `context` is the largest number of tokens of prompt and answer together; `rows` are some of the dataset's.
    """
    shape, found, left = registry.shape(order.shape), list[Prompt](), Left()
    for row in row_files.read(Path(order.dataset_file)) if rows is None else rows:
        said = shape.messages(row) if shape.messages else []
        asked = _asked(said)
        try:
            ids = encode(asked, shape.tools(row)) if asked else []
        except BadInput as error:
            left.reasons.append(error.problems[0].message)
            left.refused.append(row["source_row"])
            continue
        if not asked:
            left.refused.append(row["source_row"])
        elif context is not None and len(ids) + order.params.max_new_tokens > context:
            left.too_long.append(row["source_row"])
        else:
            found.append(Prompt(row, asked, ids, _expected(said[len(asked) :])))
    if not found:
        raise _none(order, left, context or 0)
    return found, left


def _asked(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The turns before the last answer."""
    n_asked = len(said)
    while n_asked and said[n_asked - 1]["role"] == "assistant":
        n_asked -= 1
    return said[:n_asked]


def _expected(answered: list[dict[str, Any]]) -> str | None:
    return turns.said({**answered[-1], "reasoning_content": None}) if answered else None


def _none(order: GenerationOrder, left: Left, context: int) -> StudioError:
    why = [f"{len(left.too_long):,} leave no room for an answer in the model's {context:,} tokens"] if context else []
    why += [f"{len(left.refused):,} can't be rendered for it, {left.first}"] if left.refused else []
    return StudioError(
        f"None of the {len(left.refused) + len(left.too_long):,} prompts of “{order.dataset_name}” can be "
        f"answered: {'; '.join(why)}.",
        code="no_prompts",
        remedy="Allow shorter answers (max_new_tokens), or choose another model or other prompts.",
    )
