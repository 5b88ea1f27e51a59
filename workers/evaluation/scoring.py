"""Scores one model on held-out rows: the loss on every row, greedy answers on the first few hundred.

It does not know which model is the base and which the adapted one; `verdict` compares two scores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from storage.rendering.rendered_rows import RenderedRow, Views, rendered
from storage.rendering.renderer import Renderer
from workers.classification import label_logprobs
from workers.classification.label_tokens import LabelEndings
from workers.evaluation import row_questions
from workers.evaluation.generation import Generated, answers
from workers.evaluation.losses import Bools, Floats, Ints, losses
from workers.evaluation.predictions import Piece
from workers.evaluation.row_questions import Question

SPARE_TOKENS = 8
"""Tokens by which an answer may exceed the longest expected one before it is cut off."""
MOST_NEW_TOKENS = 128


@dataclass(frozen=True)
class Answer:
    """A model's answer to one held-out row."""

    index: int
    """Index of the row among the held-out rows."""
    prompt: str
    expected: str
    given: str
    """Without the model's reasoning."""
    ended: bool
    is_unfinished: bool = False
    """It was cut off in its reasoning: there is no answer."""
    passed: tuple[bool, ...] = ()
    """Where checks decide: whether it passes each."""
    score: float | None = None
    """Where a reward model rewards answers: its score."""

    @property
    def is_good(self) -> bool:
        """Where checks decide, whether it passes all of them; elsewhere, whether it is right."""
        return all(self.passed) if self.passed else self.right

    @property
    def right(self) -> bool:
        """The expected text, apart from surrounding blanks, and ended by the model itself."""
        return self.ended and self.given == self.expected


@dataclass(frozen=True)
class Scores:
    """One model on the held-out rows of one dataset. Arrays are `(n_rows,)`, in the rows' order."""

    source_rows: tuple[int, ...]
    """Row numbers in the source file."""
    nll: Floats
    """Sum of the negative log likelihoods of the row's trained tokens, in nats."""
    n_tokens: Ints
    """Trained tokens of the row; 0 if none could be scored."""
    prefers: Floats | None = None
    """Log likelihood of the row's chosen answer minus that of the rejected one, in nats; NaN if unknown."""
    label_logprobs: Floats | None = None
    """The log probability of each label for each of the `answers`, `(n_answers, n_labels)`; None for free answers."""
    good: Bools | None = None
    """For answers judged one by one: which are good. The loss then covers these alone."""
    judged_nll: Floats | None = None
    """For these, also the bad ones: as `nll`; NaN if no token could be scored."""
    n_cut: int = 0
    """Rows longer than the limit, scored up to it."""
    answers: tuple[Answer, ...] = ()
    n_too_long: int = 0
    """Rows not answered because their prompt leaves no room for an answer in the model's context."""
    n_not_asked: int = 0
    """Rows without a question or without a comparable answer (for plain text, all rows)."""
    max_new_tokens: int = 0
    """Tokens after which an answer was cut off."""
    n_too_slow: int = 0
    """Where checks decide: answers on which one took too long. They don't pass it."""
    n_unread: int = 0
    """Rows not compared because the reward model can't read their prompt and an answer."""
    n_partly_read: int = 0
    """Answers that the reward model can't read to their end."""

    @property
    def n_unfinished(self) -> int:
        """Answers cut off in the model's reasoning: the model gave none."""
        return sum(answer.is_unfinished for answer in self.answers)


def score(
    model: Any,
    renderer: Renderer,
    shape: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    max_length: int,
    context_length: int,
    trains_prompt: bool,
    eval_rows: int,
    views: Views | None = None,
    labels: LabelEndings | None = None,
    longest: int = 0,
    progress: Callable[[int, int], None] = lambda _n, _of: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Scores:
    """Loss on all of `rows`, greedy answers on the first `eval_rows`; with `labels`, the likeliest of these.

    If `views` are pairs, the loss is that of the first side, and both sides are compared. Single views that aren't
    wanted have a loss of their own, and no question.
    With `longest`, answers may have so many tokens, and prompts without an answer to compare with are answered, too.
    `max_length` is the recipe's; a prompt may use the whole `context_length`. `progress(n, of)`
    counts rows. Raises `Interrupted` once `stopped()` is true.
    """
    questions = row_questions.of(renderer, shape, rows[:eval_rows], unanswered=longest > 0)
    total = len(rows) + len(questions)
    made = list(rendered(renderer, shape, rows, max_length=max_length, trains_prompt=trains_prompt, views=views))
    nll, n_tokens = losses(
        model, [_pieces(row, others=False) for row in made], progress=lambda n: progress(n, total), stopped=stopped
    )
    judged = _judged(rows, views, nll, n_tokens)
    max_new_tokens = min(max((q.n_expected for q in questions), default=0) + SPARE_TOKENS, MOST_NEW_TOKENS)
    max_new_tokens = labels.longest if labels else longest or max_new_tokens
    fitting = [q for q in questions if len(q.prompt_ids) + max_new_tokens <= context_length]
    told: dict[str, Any] = {"progress": lambda n: progress(len(rows) + n, total), "stopped": stopped}
    if labels:
        given, logprobs = _labelled(model, fitting, labels, **told)
    else:
        given, logprobs = _answered(model, renderer, fitting, max_new_tokens, **told), None
    return Scores(
        source_rows=tuple(row.number for row in made),
        **({"nll": nll, "n_tokens": n_tokens} | judged),
        prefers=_preferred(model, made, nll, stopped),
        n_cut=sum(any(example.n_cut for example in row.examples) for row in made),
        answers=given,
        label_logprobs=logprobs,
        n_too_long=len(questions) - len(fitting),
        n_not_asked=len(rows[:eval_rows]) - len(questions),
        max_new_tokens=max_new_tokens,
    )


def _pieces(row: RenderedRow, *, others: bool) -> list[Piece]:
    """The scored part of a row: its examples; with several views the first, or the `others`."""
    n_first = 1 if len(row.titles) > 1 else len(row.examples)
    wanted = row.examples[n_first:] if others else row.examples[:n_first]
    return [(example.ids, example.trained) for example in wanted]


def _preferred(model: Any, rows: Sequence[RenderedRow], nll: Floats, stopped: Callable[[], bool]) -> Floats | None:
    """How much likelier each row's first view is than its second; None if rows have only one."""
    if not any(len(row.titles) > 1 for row in rows):
        return None
    others, _ = losses(model, [_pieces(row, others=True) for row in rows], stopped=stopped)
    whole = np.array([row.refusal is None and len(row.examples) > 1 for row in rows])
    return np.where(whole, others - nll, np.nan)


def _judged(rows: Sequence[Mapping[str, Any]], views: Views | None, nll: Floats, n_tokens: Ints) -> dict[str, Any]:
    """Of answers judged one by one: which are good, the losses of all, and the losses of the good ones."""
    seen = [views(row) for row in rows] if views else []
    good = np.array([len(of_row) > 1 or of_row[0].wanted for of_row in seen], np.bool_)
    if good.all():
        return {}
    return {
        "nll": np.where(good, nll, 0.0),
        "n_tokens": np.where(good, n_tokens, 0),
        "good": good,
        "judged_nll": np.where(n_tokens > 0, nll, np.nan),
    }


def _answered(
    model: Any,
    renderer: Renderer,
    questions: Sequence[Question],
    max_new_tokens: int,
    *,
    progress: Callable[[int], None],
    stopped: Callable[[], bool],
) -> tuple[Answer, ...]:
    prompts = [question.prompt_ids for question in questions]
    given = answers(
        model, prompts, eos_ids=renderer.eos_ids, max_new_tokens=max_new_tokens, progress=progress, stopped=stopped
    )
    return tuple(_read(renderer, question, answer) for question, answer in zip(questions, given, strict=True))


def labelled(
    model: Any,
    renderer: Renderer,
    shape: str,
    rows: Sequence[Mapping[str, Any]],
    labels: LabelEndings,
    *,
    context_length: int,
    stopped: Callable[[], bool] = lambda: False,
) -> tuple[tuple[Answer, ...], Floats]:
    """The likeliest label for each row that leaves room for one, and the log probabilities of all labels."""
    questions = row_questions.of(renderer, shape, rows)
    fitting = [q for q in questions if len(q.prompt_ids) + labels.longest <= context_length]
    return _labelled(model, fitting, labels, progress=lambda _n: None, stopped=stopped)


def _labelled(
    model: Any,
    questions: Sequence[Question],
    labels: LabelEndings,
    *,
    progress: Callable[[int], None],
    stopped: Callable[[], bool],
) -> tuple[tuple[Answer, ...], Floats]:
    prompts = [question.prompt_ids for question in questions]
    logprobs = label_logprobs.scored(model, prompts, labels.endings, progress=progress, stopped=stopped)
    best = logprobs.argmax(axis=1).tolist() if len(logprobs) else []
    given = tuple(
        Answer(question.index, question.prompt, question.expected, labels.labels[at], ended=True)
        for question, at in zip(questions, best, strict=True)
    )
    return given, logprobs


def _read(renderer: Renderer, question: Question, given: Generated) -> Answer:
    """The answer without reasoning; one that was cut off in its reasoning did not end."""
    said = renderer.read(given.ids, reasoned=question.reasoned)
    ended = (given.ended or said.has_ended) and not said.is_unfinished
    return Answer(question.index, question.prompt, question.expected, said.answer, ended, said.is_unfinished)
