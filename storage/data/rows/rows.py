"""The rows of a dataset as checks read them: prompt, answers, and side of the split."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from storage.data.rows import templated
from storage.data.rows.comparable import LONGEST_LABEL, MANY_PER_LABEL, normalised
from storage.data.rows.lengths import Lengths
from storage.data.rows.near import Sketches, clusters
from templates import turns
from templates.spec import RowShape

if TYPE_CHECKING:
    from storage.data.rows.words import Words

_SHORT = 300
"""In a text of at most this many characters, numbers decide its meaning."""


@dataclass(frozen=True)
class Row:
    """One row. Plain texts, bare prompts and lone bad answers have no answers; a plain text is all prompt."""

    number: int
    """The row's number in the source file."""
    held_out: bool
    prompt: str
    """The text before the last answer, or the whole plain text."""
    answers: tuple[str, ...]
    """Every learned turn; the last one answers `prompt`."""
    rejected: str | None = None
    """An answer to the prompt judged bad, or worse than the other."""

    @property
    def answer(self) -> str:
        """The wanted answer to the prompt."""
        return self.answers[-1] if self.answers else ""

    @property
    def shown(self) -> str:
        """The row in a few words."""
        said = [f" → {self.answer}"] if self.answers else []
        said += [f" ✗ {self.rejected}"] if self.rejected is not None else []
        return "".join([self.prompt, *said])

    @property
    def content(self) -> tuple[str, tuple[str, ...], str | None]:
        """A key that identical rows share."""
        return self.prompt, self.answers, self.rejected

    @property
    def texts(self) -> tuple[str, ...]:
        """Its prompt, and the last answer of each kind."""
        return self.prompt, *filter(None, (self.answer, self.rejected))


def _row(shape: RowShape, values: Mapping[str, Any], position: int) -> Row:
    number, held_out = int(values.get("source_row") or position), bool(values.get("held_out"))
    if shape.messages is None:
        return Row(number, held_out, values["text"], ())
    messages = shape.messages(values)
    places = [i for i, message in enumerate(messages) if message["role"] == "assistant" and shape.has_answers]
    last = places[-1] if places else None
    offered = turns.tool_names(shape.tools(values))  # only names: whole schemas would make rows look similar
    texts = [*([offered] if offered else []), *(turns.said(m) for i, m in enumerate(messages) if i != last)]
    answers = tuple(turns.said(messages[i]) for i in places)
    if shape.judged:
        return Row(number, held_out, "\n".join(texts), *_judged(shape, answers[-1], values))
    return Row(number, held_out, "\n".join(texts), answers)


def _judged(shape: RowShape, answer: str, values: Mapping[str, Any]) -> tuple[tuple[str, ...], str | None]:
    """The learned part of a judged answer, and the part to avoid."""
    if shape.rejected(values) is values:
        return (), answer
    return (answer,), values.get("rejected")


def _numbers(prompt: str) -> str:
    """The numbers of a short text, which must be equal in near duplicates."""
    return " ".join(re.findall(r"\d+", prompt)) if len(prompt) <= _SHORT else ""


def _same(keys: Sequence[Hashable | None]) -> list[tuple[int, int]]:
    """Pairs of each key's first position with each later one; positions without a key stay alone."""
    seen: dict[Hashable, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        if key is not None:
            seen[key].append(i)
    return [(places[0], i) for places in seen.values() for i in places[1:]]


@dataclass(frozen=True)
class Rows:
    """All rows of a dataset of one shape, with data that several checks need."""

    shape: RowShape
    rows: tuple[Row, ...]
    lengths: Lengths | None = field(default=None, compare=False)
    """Lengths in a base model's tokens, if one was named."""
    evaluation: tuple[Row, ...] = field(default=(), compare=False)
    """Rows of another dataset, the evaluation set for models trained on this one."""
    words: Words | None = field(default=None, compare=False)
    """Words to look for, if any were named."""
    is_sampled: bool = field(default=False, compare=False)
    """A teacher gave the answers, several to a prompt if somebody wanted so."""

    @classmethod
    def of(
        cls,
        shape: RowShape,
        values: Iterable[Mapping[str, Any]],
        lengths: Lengths | None = None,
        evaluation: tuple[Row, ...] = (),
        words: Words | None = None,
        *,
        is_sampled: bool = False,
    ) -> Rows:
        """Stored rows as checks read them."""
        read = tuple(_row(shape, one, i) for i, one in enumerate(values, 1))
        return cls(shape, read, lengths, evaluation, words, is_sampled)

    @cached_property
    def answered(self) -> tuple[Row, ...]:
        """The rows that have an answer."""
        return tuple(row for row in self.rows if row.answers)

    @cached_property
    def labelled(self) -> bool:
        """Whether the answers are labels: declared so by the shape, or few, short and often repeated."""
        if "label_accuracy" in self.shape.metrics:
            return True
        if self.shape.judged:
            return False
        if any(len(row.answer) > LONGEST_LABEL for row in self.answered):
            return False
        n_different = len({normalised(row.answer) for row in self.answered})
        return 1 < n_different <= len(self.answered) / MANY_PER_LABEL

    @cached_property
    def prompts(self) -> tuple[str, ...]:
        """Each row's prompt, normalised."""
        return tuple(normalised(row.prompt) for row in self.rows)

    @cached_property
    def leaked(self) -> frozenset[int]:
        """Positions of held-out rows whose prompt a training row has too."""
        learned = {prompt for prompt, row in zip(self.prompts, self.rows, strict=True) if not row.held_out}
        return frozenset(
            i for i, row in enumerate(self.rows) if row.held_out and self.prompts[i] and self.prompts[i] in learned
        )

    @cached_property
    def labels(self) -> Counter[str]:
        """The count of each label, in its own spelling; empty when the answers are not labels."""
        return Counter(row.answer for row in self.answered) if self.labelled else Counter()

    @cached_property
    def near_prompts(self) -> list[list[int]]:
        """Groups of positions with nearly the same prompts, numbers and label included."""
        return clusters(len(self.rows), [*self._same_prompts(), *self._near_pairs])

    def alike(self, others: Sequence[str] = ()) -> list[list[int]]:
        """Groups of positions with nearly the same prompts, whatever their labels: each tells a test about the same.

        `others` are normalised prompts of other rows; a few rows alone don't tell which words most rows share.
        """
        keys = [*map(_numbers, self.prompts), *(("other", i) for i in range(len(others)))]
        return [*self.same(), *clusters(len(keys), Sketches([*self.prompts, *others]).pairs(keys))]

    def same(self) -> list[list[int]]:
        """Groups of positions with the same prompts."""
        return clusters(len(self.rows), _same([prompt or None for prompt in self.prompts]))

    @cached_property
    def near_rows(self) -> list[list[int]]:
        """Groups of positions with nearly the same prompts and answers."""
        answers = [normalised("\n".join(row.texts[1:])) for row in self.rows]
        pairs = [*self._same_prompts(), *self._near_pairs]
        if self.labelled or not pairs or not any(answers):
            return clusters(len(self.rows), pairs)
        alike = Sketches(answers).similar(pairs)
        kept = [
            (a, b)
            for (a, b), near in zip(pairs, alike, strict=True)
            if (near or answers[a] == answers[b]) and bool(self.rows[a].answers) == bool(self.rows[b].answers)
        ]
        return clusters(len(self.rows), kept)

    @cached_property
    def templated(self) -> list[list[int]]:
        """Groups of positions whose rows differ only by numbers and names; the numbers don't decide the answers."""
        return templated.groups([row.prompt for row in self.rows], ["\n".join(row.texts[1:]) for row in self.rows])

    @cached_property
    def given_away(self) -> dict[int, Row]:
        """Positions of training rows with the same or nearly the same prompt as an evaluation row, with that row."""
        prompts = [*self.prompts, *(normalised(row.prompt) for row in self.evaluation)]
        keys = [_numbers(prompt) for prompt in prompts]
        found: dict[int, Row] = {}
        for group in clusters(len(prompts), [*_same([p or None for p in prompts]), *Sketches(prompts).pairs(keys)]):
            asked = [i - len(self.rows) for i in group if i >= len(self.rows)]
            learned = [i for i in group if i < len(self.rows) and not self.rows[i].held_out]
            found |= {i: self.evaluation[asked[0]] for i in learned if asked}
        return found

    def _key(self, position: int) -> tuple[str, str]:
        """The parts that must be equal in near-duplicate rows."""
        return _numbers(self.prompts[position]), normalised(self.rows[position].answer) if self.labelled else ""

    def _same_prompts(self) -> list[tuple[int, int]]:
        """Each row with an earlier row that has the same prompt and the same label."""
        return _same([(prompt, self._key(i)[1]) if prompt else None for i, prompt in enumerate(self.prompts)])

    @cached_property
    def _near_pairs(self) -> list[tuple[int, int]]:
        return Sketches(self.prompts).pairs([self._key(i) for i in range(len(self.rows))])
