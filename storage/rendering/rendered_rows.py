"""The rows of a dataset as a model sees them: learned, cut off and refused parts.

The web uses this module before launch to measure what the worker will train on: both call `rendered`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import tee
from typing import Any

from storage.rendering.renderer import Piece, Rendered, Renderer
from storage.rendering.whole_turns import ToolsLeftOut
from templates.errors import BadInput
from templates.spec import View

__all__ = ["LengthReport", "Piece", "Rendered", "RenderedRow", "Renderer", "histogram", "measure", "rendered"]

Views = Callable[[Mapping[str, Any]], tuple[View, ...]]
"""An objective's sequences of a row: see `templates.spec.Objective.views`."""
N_LISTED = 20
LAST_ONLY = (
    "The base model's chat template leaves out part of the earlier answers, such as their reasoning, so the model "
    "learns only the last answer."
)
SYSTEM_MOVED = (
    "The base model's chat template has no system role, so the system text goes before the first user message."
)
HISTOGRAM_BINS = 20


@dataclass(frozen=True)
class LengthReport:
    """Counts over rows; a plain text that becomes several examples is one row, and is never truncated."""

    n_rows: int
    n_truncated: int
    n_refused: int
    """Rows not used for training: no learned token is left, or the template refuses them."""
    n_examples: int
    """Sequences that go through the model; a pair counts as two."""
    n_tokens: int
    """Tokens of all examples, after cutting."""
    n_trained_tokens: int
    n_cut_tokens: int
    n_with_control_tokens: int
    """Rows whose own text spells out a special token of the base model."""
    longest: int
    """Tokens of the longest row, before cutting."""
    histogram: list[tuple[int, int]]
    """Rendered rows by length before cutting: (upper edge in tokens, inclusive; count)."""
    refused_rows: list[tuple[int, str]]
    """The first refused rows: number in the source file → reason."""
    truncated_rows: list[int]
    """The first truncated rows, by number in the source file."""
    n_without_tools: int = 0
    """Rows refused because the chat template does not support tools."""
    first_without_tools: int | None = None
    """The first of them, by number in the source file."""
    n_last_only: int = 0
    """Rows of which only the last turn is learned: see `Rendered.is_last_only`."""
    n_system_moved: int = 0
    """Rows whose system text goes before the first user turn, because the template has no system role."""

    @property
    def template_words(self) -> list[str]:
        """What the base model's chat template does to the rows: the remarks that apply."""
        found = [self.control_tokens_words] if self.control_tokens_words else []
        if n := self.n_last_only:
            found.append(f"{'1 row' if n == 1 else f'{n:,} rows'}: {LAST_ONLY[0].lower()}{LAST_ONLY[1:]}")
        if n := self.n_system_moved:
            found.append(f"{'1 row' if n == 1 else f'{n:,} rows'}: {SYSTEM_MOVED[0].lower()}{SYSTEM_MOVED[1:]}")
        return found

    @property
    def control_tokens_words(self) -> str | None:
        """The remark on rows that spell out special tokens; None without such rows."""
        n_rows = self.n_with_control_tokens
        if not n_rows:
            return None
        return (
            f"{'1 row spells' if n_rows == 1 else f'{n_rows:,} rows spell'} out a special token of the base model in "
            "plain text, such as <|im_end|>; the model will read it as the token itself."
        )


@dataclass(frozen=True)
class RenderedRow:
    """A row and its examples; `refusal` says why there are none."""

    number: int
    examples: list[Rendered]
    refusal: str | None = None
    loses_tools: bool = False
    """Whether it was refused because the chat template does not support tools."""
    titles: tuple[str, ...] = ()
    """The title of each example if an objective makes several from the row: `Chosen`, `Rejected`."""

    @property
    def n_cut(self) -> int:
        """Number of tokens cut off."""
        return sum(example.n_cut for example in self.examples)

    @property
    def n_tokens(self) -> int:
        """Tokens before cutting; the longest of several views.

        Each further chunk of a plain text repeats the last token of the one before.
        """
        if len(self.titles) > 1:
            return max((len(example.ids) + example.n_cut for example in self.examples), default=0)
        n_repeated = max(0, len(self.examples) - 1)
        return sum(len(example.ids) for example in self.examples) + self.n_cut - n_repeated

    @property
    def n_learned(self) -> int:
        """Learned tokens before cutting."""
        return sum(sum(example.trained) + example.n_cut_trained for example in self.examples)


def rendered(
    renderer: Renderer,
    shape: str,
    rows: Iterable[Mapping[str, Any]],
    *,
    max_length: int,
    trains_prompt: bool,
    views: Views | None = None,
) -> Iterator[RenderedRow]:
    """Each row in the form used for training. Both the reports before launch and training itself use this."""
    for position, row in enumerate(rows, start=1):
        number = int(row.get("source_row") or position)
        seen = views(row) if views else (View("", row),)
        try:
            found = [
                renderer.examples(shape, view.row, max_length=max_length, trains_prompt=trains_prompt) for view in seen
            ]
        except BadInput as error:
            yield RenderedRow(number, [], error.problems[0].message, isinstance(error, ToolsLeftOut))
            continue
        titles = tuple(view.title for view in seen)
        if len(seen) == 1:
            yield _one_view(number, found[0], titles, max_length)
        else:
            examples = [side[0] for side in found]
            yield RenderedRow(number, examples, _why_refused(examples, max_length), titles=titles)


def _one_view(number: int, examples: list[Rendered], titles: tuple[str, ...], max_length: int) -> RenderedRow:
    kept = [example for example in examples if example.n_trained]
    return RenderedRow(number, kept or examples, None if kept else _why_refused(examples, max_length), titles=titles)


def _why_refused(examples: list[Rendered], max_length: int) -> str | None:
    """The reason why a model can't learn from examples that belong together; None if it can."""
    empty = [example for example in examples if not example.n_trained]
    if any(example.n_cut for example in empty):
        return f"the answer starts beyond the maximum row length of {max_length} tokens"
    if empty:
        return "it has no answer to learn"
    if len(examples) > 1 and all(example.ids == examples[0].ids for example in examples):
        return f"its answers are the same within the maximum row length of {max_length} tokens"
    return None


def measure(
    renderer: Renderer,
    shape: str,
    rows: Iterable[Mapping[str, Any]],
    *,
    max_length: int,
    trains_prompt: bool,
    views: Views | None = None,
) -> LengthReport:
    """A report on the training data under these settings, without training."""
    read, again = tee(rows)  # one row at a time: a large dataset need not be in memory
    made = rendered(renderer, shape, read, max_length=max_length, trains_prompt=trains_prompt, views=views)
    seen = [_Measured.of(renderer, shape, row, one) for row, one in zip(again, made, strict=True)]
    taken = [one for one in seen if one.refusal is None]
    lengths = [one.n_tokens for one in seen if one.n_tokens is not None]
    truncated = [one.number for one in taken if one.n_cut]
    without_tools = [one.number for one in seen if one.loses_tools]
    refused = [(one.number, one.refusal) for one in seen if one.refusal is not None]
    return LengthReport(
        n_rows=len(seen),
        n_truncated=len(truncated),
        n_refused=len(refused),
        n_examples=sum(one.n_examples for one in taken),
        n_tokens=sum(one.n_read for one in taken),
        n_trained_tokens=sum(one.n_trained for one in taken),
        n_cut_tokens=sum(one.n_cut for one in taken),
        n_with_control_tokens=sum(one.spells_control_tokens for one in seen),
        longest=max(lengths, default=0),
        histogram=histogram(lengths),
        refused_rows=refused[:N_LISTED],
        truncated_rows=truncated[:N_LISTED],
        n_without_tools=len(without_tools),
        first_without_tools=next(iter(without_tools), None),
        n_last_only=sum(one.is_last_only for one in taken),
        n_system_moved=sum(one.moves_system for one in taken),
    )


@dataclass(frozen=True, slots=True)
class _Measured:
    """The counts of a rendered row; keeping every row's tokens would take too much memory."""

    number: int
    refusal: str | None
    loses_tools: bool
    n_tokens: int | None
    """Before cutting; None if nothing was rendered."""
    n_examples: int
    n_read: int
    """Tokens of its examples, after cutting."""
    n_trained: int
    n_cut: int
    spells_control_tokens: bool
    is_last_only: bool
    moves_system: bool

    @classmethod
    def of(cls, renderer: Renderer, shape: str, row: Mapping[str, Any], made: RenderedRow) -> _Measured:
        return cls(
            number=made.number,
            refusal=made.refusal,
            loses_tools=made.loses_tools,
            n_tokens=made.n_tokens if made.examples else None,
            n_examples=len(made.examples),
            n_read=sum(len(example.ids) for example in made.examples),
            n_trained=sum(example.n_trained for example in made.examples),
            n_cut=made.n_cut,
            spells_control_tokens=renderer.n_control_tokens(shape, row) > 0,
            is_last_only=any(example.is_last_only for example in made.examples),
            moves_system=renderer.moves_system(shape, row),
        )


def histogram(lengths: list[int]) -> list[tuple[int, int]]:
    """Counts in at most `HISTOGRAM_BINS` equal bins, whose width is 1, 2 or 5 times a power of ten."""
    if not lengths:
        return []
    width, power = 1, 1
    while width * HISTOGRAM_BINS < max(lengths):
        width, power = next(((s * power, power) for s in (2, 5) if s * power > width), (10 * power, 10 * power))
    n_bins = max(1, -(-max(lengths) // width))
    counts = [0] * n_bins
    for length in lengths:
        counts[max(0, -(-length // width) - 1)] += 1
    return [((i + 1) * width, count) for i, count in enumerate(counts)]
