"""Scores one model on held-out rows: the loss on every row, greedy answers on the first few hundred.

It does not know which model is the base and which the adapted one; `verdict` compares two scores.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from storage.rendering.rendered_rows import RenderedRow, Views, rendered
from storage.rendering.renderer import Renderer
from templates import registry
from templates.errors import BadInput, StudioError
from templates.turns import said
from workers import sharing
from workers.evaluation.generation import Generated, Interrupted, answers, batches, pad_left

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Piece = tuple[Sequence[int], Sequence[bool]]
"""Token ids, and a flag for each that is trained."""
ROWS_AT_ONCE = 32
TOKENS_AT_ONCE = 8192
LOGITS_AT_ONCE = 64 * 1024 * 1024
"""Logits per batch (256 MB in float32); otherwise a vocabulary of 150,000 would fill the memory."""
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
    n_cut: int = 0
    """Rows longer than the limit, scored up to it."""
    answers: tuple[Answer, ...] = ()
    n_too_long: int = 0
    """Rows not answered because their prompt leaves no room for an answer in the model's context."""
    n_not_asked: int = 0
    """Rows without a question or without a comparable answer (for plain text, all rows)."""
    max_new_tokens: int = 0
    """Tokens after which an answer was cut off."""

    @property
    def n_unfinished(self) -> int:
        """Answers cut off in the model's reasoning: the model gave none."""
        return sum(answer.is_unfinished for answer in self.answers)


@dataclass(frozen=True)
class _Question:
    index: int
    prompt: str
    expected: str
    prompt_ids: list[int]
    n_expected: int
    reasoned: bool
    """The prompt leaves no reasoning open: the answer follows at once."""


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
    progress: Callable[[int, int], None] = lambda _n, _of: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Scores:
    """Loss on all of `rows`, greedy answers on the first `eval_rows`.

    If `views` are pairs, the loss is that of the first side, and both sides are compared.
    `max_length` is the recipe's; a prompt may use the whole `context_length`. `progress(n, of)`
    counts rows. Raises `Interrupted` once `stopped()` is true.
    """
    questions = _questions(renderer, shape, rows[:eval_rows])
    total = len(rows) + len(questions)
    made = list(rendered(renderer, shape, rows, max_length=max_length, trains_prompt=trains_prompt, views=views))
    nll, n_tokens = losses(
        model, [_pieces(row, others=False) for row in made], progress=lambda n: progress(n, total), stopped=stopped
    )
    max_new_tokens = min(max((q.n_expected for q in questions), default=0) + SPARE_TOKENS, MOST_NEW_TOKENS)
    fitting = [q for q in questions if len(q.prompt_ids) + max_new_tokens <= context_length]
    given = _answered(
        model, renderer, fitting, max_new_tokens, progress=lambda n: progress(len(rows) + n, total), stopped=stopped
    )
    return Scores(
        source_rows=tuple(row.number for row in made),
        nll=nll,
        n_tokens=n_tokens,
        prefers=_preferred(model, made, nll, stopped),
        n_cut=sum(any(example.n_cut for example in row.examples) for row in made),
        answers=given,
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


def _answered(
    model: Any,
    renderer: Renderer,
    questions: Sequence[_Question],
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


def _read(renderer: Renderer, question: _Question, given: Generated) -> Answer:
    """The answer without reasoning; one that was cut off in its reasoning did not end."""
    said = renderer.read(given.ids, reasoned=question.reasoned)
    ended = (given.ended or said.has_ended) and not said.is_unfinished
    return Answer(question.index, question.prompt, question.expected, said.answer, ended, said.is_unfinished)


def _questions(renderer: Renderer, shape: str, rows: Sequence[Mapping[str, Any]]) -> list[_Question]:
    """Each row's question and expected answer: everything before its last assistant turn, and that turn."""
    declared = registry.shape(shape)
    questions: list[_Question] = []
    for index, row in enumerate(rows if declared.messages else ()):
        turns = declared.messages(row) if declared.messages else []
        while turns and turns[-1]["role"] != "assistant":
            turns = turns[:-1]
        if len(turns) < 2:
            continue
        try:
            prompt_ids = renderer.answer_prompt(turns[:-1], declared.tools(row))
            row_ids = renderer.row(shape, row).ids
            reasoned = row_ids[: len(prompt_ids)] == prompt_ids
            if not reasoned:  # the row's answer starts with reasoning of its own
                prompt_ids = renderer.prompt(turns[:-1], declared.tools(row))
        except BadInput:
            continue  # the template refuses this conversation, so it counts as not asked
        expected = _expected(renderer, turns[-1], prompt_ids, row_ids, reasoned)
        if expected is not None:
            n_expected = max(len(row_ids) - len(prompt_ids), 1)
            questions.append(_Question(index, _shown(turns[:-1]), expected, prompt_ids, n_expected, reasoned))
    return questions


def _expected(
    renderer: Renderer, turn: Mapping[str, Any], prompt_ids: Sequence[int], row_ids: Sequence[int], reasoned: bool
) -> str | None:
    """The last turn's text without reasoning; calls as the template writes them after the prompt, else None."""
    if not turn.get("tool_calls"):
        return renderer.reasoning.split_text(str(turn.get("content") or "")).strip()
    if list(row_ids[: len(prompt_ids)]) != list(prompt_ids):
        return None
    return renderer.read(row_ids[len(prompt_ids) :], reasoned=reasoned).answer


def _shown(turns: Sequence[Mapping[str, Any]]) -> str:
    """A conversation for display: the bare text when it is a single question."""
    if len(turns) == 1:
        return said(turns[0])
    return "\n".join(f"{turn['role']}: {said(turn)}" for turn in turns)


@torch.inference_mode()
def losses(
    model: Any,
    rows: Sequence[Sequence[Piece]],
    *,
    progress: Callable[[int], None] = lambda _n: None,
    stopped: Callable[[], bool] = lambda: False,
) -> tuple[Floats, Ints]:
    """Summed negative log likelihood and number of trained tokens of each row.

    A row is one or more pieces `(ids, trained)`. The first token of a piece has no context and
    doesn't count.
    """
    nll, n_tokens = np.zeros(len(rows)), np.zeros(len(rows), dtype=np.int64)
    flat = [(index, piece) for index, row in enumerate(rows) for piece in row if any(piece[1][1:])]
    device, was_training = next(model.parameters()).device, model.training
    takes = _forward_arguments(model)
    vocabulary = int(model.config.get_text_config().vocab_size)
    n_done = 0
    at_once = min(TOKENS_AT_ONCE, max(1, LOGITS_AT_ONCE // vocabulary))
    rows_at_once = ROWS_AT_ONCE if sharing.may_share(model) else 1
    model.eval()
    try:
        for group in batches([len(piece[0]) for _, piece in flat], rows_at_once, at_once):
            if stopped():
                raise Interrupted
            sums = _batch_nll(model, [flat[place][1] for place in group], takes, device)
            for place, row_nll in zip(group, sums, strict=True):
                index, (_, trained) = flat[place]
                nll[index] += row_nll
                n_tokens[index] += sum(trained[1:])
            n_done += len(group)
            progress(n_done * len(rows) // len(flat))
    finally:
        model.train(was_training)
    _refuse_not_numbers(nll)
    return nll, n_tokens


def _batch_nll(model: Any, pieces: Sequence[Piece], takes: frozenset[str], device: torch.device) -> list[float]:
    ids, mask = pad_left([piece[0] for piece in pieces], 0, device)
    trained, _ = pad_left([[int(t) for t in piece[1]] for piece in pieces], 0, device)
    arguments: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
    if "use_cache" in takes:
        arguments["use_cache"] = False
    if "position_ids" in takes:
        arguments["position_ids"] = (mask.cumsum(1) - 1).clamp(min=0)
    # Padding stands on the left, so the answers end together and only the last `keep` positions
    # need logits; they predict the tokens one to their right.
    keep = max(len(piece[1]) - _first_trained(piece[1]) for piece in pieces) + 1
    if "logits_to_keep" in takes:
        arguments["logits_to_keep"] = keep
    logits = model(**arguments).logits[:, -keep:-1].float()
    targets, counted = ids[:, 1 - keep :], trained[:, 1 - keep :].bool()
    nll = torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    sums: list[float] = torch.where(counted, nll, 0.0).double().sum(dim=1).tolist()
    return sums


def _first_trained(trained: Sequence[bool]) -> int:
    """Index of the first trained token that has a token before it."""
    return next(place for place, is_trained in enumerate(trained) if is_trained and place > 0)


def _forward_arguments(model: Any) -> frozenset[str]:
    core = model.get_base_model() if hasattr(model, "get_base_model") else model
    return frozenset(inspect.signature(core.forward).parameters)


def _refuse_not_numbers(nll: Floats) -> None:
    if not np.isfinite(nll).all():
        raise StudioError(
            f"The model's loss is not a number on {int((~np.isfinite(nll)).sum())} of {len(nll)} held-out rows.",
            code="not_a_number",
            remedy="Train again with a lower learning rate.",
        )
