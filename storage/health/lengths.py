"""How long the rows are in tokens of a base model, and which of them its context window does not hold.

Rows are rendered by the code that training uses, cut at the context window.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from storage import base_models, rendering, training
from storage.models import User
from storage.rendering import RenderedRow, Renderer
from templates.spec import RowShape


@dataclass(frozen=True)
class Part:
    """Tokens of one part of the rows, before cutting."""

    name: str
    n_tokens: int
    longest: int
    histogram: list[tuple[int, int]]
    """(upper edge in tokens, inclusive; rows)."""


@dataclass(frozen=True)
class Side:
    """One side of the split."""

    n_rows: int
    n_truncated: int
    n_refused: int
    """Rows that would not be trained on: no learned token is left, or the template refuses them."""


@dataclass(frozen=True)
class Lengths:
    """Lengths of a dataset's rows for one base model."""

    base: str
    context_length: int
    training: Side
    held_out: Side
    parts: list[Part]
    """What is only read, what is learned, and both; the markup of the chat template counts as read."""
    truncated: dict[int, str]
    """Row number → how much falls off."""
    refused: dict[int, str]
    """Row number → why it is refused."""
    with_special_tokens: frozenset[int]
    """Rows whose own text spells a special token of the base model."""


@dataclass(frozen=True)
class Reader:
    """A base model in whose tokens lengths are counted."""

    base: str
    folder: str
    revision: str
    context_length: int

    def measure(self, shape: RowShape, rows: Iterable[Mapping[str, Any]]) -> Lengths:
        """The rows' lengths for this model."""
        renderer = training.renderer(self.folder, self.revision)
        return measure(renderer, shape, rows, base=self.base, context_length=self.context_length)


def reader(user: User, base: str) -> Reader:
    """The base model of this name as a reader. Raises `NotFound`."""
    row = base_models.get(user, base)
    return Reader(row.name, str(base_models.folder(row)), row.revision, base_models.facts(row).context_length)


def measure(
    renderer: Renderer, shape: RowShape, rows: Iterable[Mapping[str, Any]], *, base: str, context_length: int
) -> Lengths:
    """Render every row as training would at the context window's length."""
    kept = list(rows)
    trains_prompt = shape.messages is None
    truncated, refused, special = {}, {}, set()
    read: list[int] = []
    learned: list[int] = []
    sides: dict[bool, list[RenderedRow]] = {False: [], True: []}
    made = rendering.rendered(renderer, shape.key, kept, max_length=context_length, trains_prompt=trains_prompt)
    for row, one in zip(kept, made, strict=True):
        sides[bool(row.get("held_out"))].append(one)
        n_cut = sum(example.n_cut for example in one.examples)
        if one.refusal is not None:
            refused[one.number] = one.refusal
        elif n_cut:
            truncated[one.number] = f"{n_cut:,} tokens fall off"
        if renderer.n_control_tokens(shape.key, row):
            special.add(one.number)
        if one.examples:
            n_learned, n_all = _counts(renderer, shape, row, one, n_cut)
            read.append(n_all - n_learned)
            learned.append(n_learned)
    whole = [a + b for a, b in zip(read, learned, strict=True)]
    parts = [_part("prompt", read), _part("answer", learned), _part("row", whole)]
    return Lengths(
        base=base,
        context_length=context_length,
        training=_side(sides[False], truncated),
        held_out=_side(sides[True], truncated),
        parts=parts[2:] if trains_prompt else parts,
        truncated=truncated,
        refused=refused,
        with_special_tokens=frozenset(special),
    )


def _counts(
    renderer: Renderer, shape: RowShape, row: Mapping[str, Any], made: RenderedRow, n_cut: int
) -> tuple[int, int]:
    """Learned tokens and all tokens of a row, before cutting."""
    examples = [renderer.row(shape.key, row)] if n_cut else made.examples
    n_repeated = len(examples) - 1  # each further chunk of a plain text opens with the last token of the one before
    return sum(sum(one.trained) for one in examples), sum(len(one.ids) for one in examples) - n_repeated


def _part(name: str, lengths: list[int]) -> Part:
    return Part(name, sum(lengths), max(lengths, default=0), rendering.histogram(lengths))


def _side(made: list[RenderedRow], truncated: Mapping[int, str]) -> Side:
    n_refused = sum(one.refusal is not None for one in made)
    return Side(len(made), sum(one.number in truncated for one in made), n_refused)
