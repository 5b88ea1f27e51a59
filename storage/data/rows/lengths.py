"""Row lengths in a base model's tokens, and the rows that its context window can't hold.

The code that training uses renders the rows, cut at the context window. A rejected answer is rendered after
its prompt, as in preference training, and counted separately: training on chosen answers never sees it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from storage import progress
from storage.rendering import limited, rendered_rows
from storage.rendering.limited import Model
from storage.rendering.limited_process import Question
from storage.rendering.questions import LONG, rendering
from storage.rendering.rendered_rows import RenderedRow
from storage.rendering.renderer import Renderer
from templates import registry
from templates.spec import RowShape

if TYPE_CHECKING:
    from storage.models import User


@dataclass(frozen=True)
class Part:
    """Token counts of one part of the rows, before cutting."""

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
    """Rows unusable for training: no learned token is left, or the template refuses them."""


@dataclass(frozen=True)
class Fit:
    """How rows, each with one of its answers, fit into the context window."""

    training: Side
    held_out: Side
    truncated: dict[int, str]
    """Row number → the part cut off."""
    refused: dict[int, str]
    """Row number → the reason for refusing it."""

    @property
    def beyond(self) -> dict[int, str]:
        """Row number → why the row doesn't fit into the window."""
        return {**self.truncated, **self.refused}


@dataclass(frozen=True)
class Lengths(Fit):
    """Lengths of a dataset's rows for one base model."""

    base: str
    context_length: int
    parts: list[Part]
    """The parts that are only read, the answers, the answers judged bad, and whole rows; markup counts as read."""
    rejected: Fit | None
    """The same for rejected answers instead of the chosen ones; None without any."""
    with_special_tokens: frozenset[int]
    """Rows whose own text, rejected answers included, spells out a special token of the base model."""


@dataclass(frozen=True)
class Reader:
    """The base model whose tokens measure lengths."""

    model: Model
    context_length: int
    instruction: str = ""
    """The system text of every row without its own."""

    def measure(self, shape: RowShape, rows: Sequence[Mapping[str, Any]]) -> Lengths:
        """The rows' lengths for this model."""
        question = LengthsOfRows(self.model, shape.key, rows, self.context_length, self.instruction)
        return limited.ask(self.model, question)


@dataclass(frozen=True)
class LengthsOfRows(Question[Lengths]):
    """The lengths of these rows."""

    limits = LONG
    kind = TypeAdapter(Lengths)
    model: Model
    shape: str
    rows: Sequence[Mapping[str, Any]]
    context_length: int
    instruction: str

    def answer(self) -> Lengths:
        """Render every row."""
        with rendering(self.model, self.instruction) as made:
            rows = progress.through(self.rows, len(self.rows))
            shape = registry.shape(self.shape)
            return measure(made, shape, rows, base=self.model.name, context_length=self.context_length)


def reader(user: User, base: str, instruction: str) -> Reader:
    """The base model of this name as a reader of rows below this instruction. Raises `NotFound`."""
    from storage.bases import base_models  # needed late: the limited processes start faster without the database

    row = base_models.get(user, base)
    model = replace(base_models.model(row), owner=user.id)
    return Reader(model, base_models.facts(row).context_length, instruction)


@dataclass(frozen=True)
class _Seen:
    """The measurements of a rendered row; keeping every row's tokens would take too much memory."""

    number: int
    held_out: bool
    rejected: bool
    """The rendered answer is judged bad."""
    n_tokens: int | None
    """Length before cutting; None if the template refuses the row."""
    n_learned: int
    n_cut: int
    refusal: str | None

    @classmethod
    def of(cls, made: RenderedRow, held_out: bool, rejected: bool) -> _Seen:
        n_tokens = made.n_tokens if made.examples else None
        return cls(made.number, held_out, rejected, n_tokens, made.n_learned, made.n_cut, made.refusal)


def measure(
    renderer: Renderer, shape: RowShape, rows: Iterable[Mapping[str, Any]], *, base: str, context_length: int
) -> Lengths:
    """Render every row as training would at the context window's length, and once more for a rejected answer."""

    def rendered(some: Iterable[Mapping[str, Any]]) -> Iterable[RenderedRow]:
        trains_prompt = shape.messages is None or not shape.has_answers
        return rendered_rows.rendered(renderer, shape.key, some, max_length=context_length, trains_prompt=trains_prompt)

    kept = list(rows)
    seen: list[_Seen] = []
    bad: list[_Seen] = []
    special: set[int] = set()
    for row, made in zip(kept, rendered(kept), strict=True):
        held_out, worse = bool(row.get("held_out")), shape.rejected(row)
        seen.append(_Seen.of(made, held_out, worse is row))
        if worse is row:
            bad.append(seen[-1])
        elif worse is not None:
            (again,) = rendered([{**worse, "source_row": made.number}])
            bad.append(_Seen.of(again, held_out, True))
        if any(renderer.n_control_tokens(shape.key, one) for one in (row, worse) if one is not None):
            special.add(made.number)
    fit = _fit(seen)
    return Lengths(
        training=fit.training,
        held_out=fit.held_out,
        truncated=fit.truncated,
        refused=fit.refused,
        base=base,
        context_length=context_length,
        parts=_parts(shape, seen, bad),
        rejected=_fit(bad) if bad else None,
        with_special_tokens=frozenset(special),
    )


def _fit(seen: Sequence[_Seen]) -> Fit:
    def side(held_out: bool) -> Side:
        of_side = [one for one in seen if one.held_out is held_out]
        n_truncated = sum(one.number in truncated for one in of_side)
        return Side(len(of_side), n_truncated, sum(one.refusal is not None for one in of_side))

    refused = {one.number: one.refusal for one in seen if one.refusal is not None}
    truncated = {one.number: f"{one.n_cut:,} tokens are cut off" for one in seen if one.n_cut and one.refusal is None}
    return Fit(side(False), side(True), truncated, refused)


def _parts(shape: RowShape, seen: Sequence[_Seen], bad: Sequence[_Seen]) -> list[Part]:
    whole = [(one.n_tokens, one) for one in seen if one.n_tokens is not None]
    row = _part("row", [n_tokens for n_tokens, _ in whole])
    if shape.messages is None:
        return [row]
    prompt = _part("prompt", [n_tokens - one.n_learned for n_tokens, one in whole])
    answer = _part("answer", [one.n_learned for _, one in whole if not one.rejected])
    rejected = _part("rejected", [one.n_learned for one in bad if one.n_tokens is not None])
    return [prompt, answer, *([rejected] if bad else []), row]


def _part(name: str, lengths: list[int]) -> Part:
    return Part(name, sum(lengths), max(lengths, default=0), rendered_rows.histogram(lengths))
