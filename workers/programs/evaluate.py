"""The program of an `evaluate` job: scores several models on the same held-out rows or on the same suite.

On held-out rows, the smallest context among the models limits the length for all; on a suite, each
model uses its own context. Every other model is compared with the first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch

from storage.data import row_files
from storage.gallery import label_sets, suites
from storage.models import Stage
from storage.rendering.renderer import Renderer
from templates import instructions, registry
from templates.errors import StudioError
from workers import models
from workers.evaluation import held_out, scoring, suite, suite_verdict, verdict
from workers.evaluation.held_out import HeldOutSide
from workers.evaluation.progress import Channel, noting, parts
from workers.evaluation.scoring import Scores
from workers.evaluation.suite import SuiteScores
from workers.orders.evaluate import EvaluationOrder
from workers.protocol import Done, Entered, ModelRef

T = TypeVar("T")
LONGEST_ROW = 4096
"""Most tokens of a row to score: with a context of 128k tokens one row would fill the memory."""


def run(order: EvaluationOrder, channel: Channel) -> Done:
    """Score `order.models`. Raises `Interrupted` if the worker no longer wants the result."""
    torch.set_num_threads(order.threads)
    started = time.monotonic()
    channel.send(Entered(stage=Stage.PREPARING))
    result, seconds = _on_rows(order, channel) if order.suite is None else _on_suite(order, order.suite, channel)
    total = round(time.monotonic() - started, 3)
    return Done(
        result=result,
        actual={"seconds": {"evaluating": total}, "seconds_by_model": seconds},
        opened_held_out=order.suite is None,
    )


def _on_rows(order: EvaluationOrder, channel: Channel) -> tuple[dict[str, Any], dict[str, float]]:
    """The result, and the seconds each model took."""
    rows = held_out_rows(order)
    contexts = [models.context_length(ref) for ref in order.models]
    channel.send(Entered(stage=Stage.EVALUATING))
    all_scores, seconds = _timed(order.models, lambda ref: _score(ref, order, rows, min(contexts), channel))
    side = held_out_side(order, rows)
    first, opening = order.models[0], order.held_out_openings + 1
    told = (*instructions.remarks(order.instruction), *_freely(order))
    result = {
        "dataset": {
            "name": order.dataset_name,
            "sha256": order.dataset_sha256,
            "n_held_out": len(rows),
            "instruction": order.instruction,
            "opening": opening,
        },
        "models": [
            _summary(ref, scores, order.shape, side) for ref, scores in zip(order.models, all_scores, strict=True)
        ],
        "comparisons": [
            {
                "model": ref.name,
                "against": first.name,
                **(found := verdict.judge(all_scores[0], scores, order.shape, side, against=first.name))
                .model_copy(update={"opening": opening, "remarks": (*found.remarks, *told)})
                .model_dump(),
            }
            for ref, scores in zip(order.models[1:], all_scores[1:], strict=True)
        ],
    }
    return result, seconds


def _on_suite(order: EvaluationOrder, name: str, channel: Channel) -> tuple[dict[str, Any], dict[str, float]]:
    """The result, and the seconds each model took."""
    asked = suites.get(name)
    channel.send(Entered(stage=Stage.EVALUATING))
    all_scores, seconds = _timed(order.models, lambda ref: _score_on_suite(ref, order, asked, channel))
    first = order.models[0]
    result = {
        "suite": asked.document(),
        "models": [
            {
                **_named(ref),
                **suite_verdict.summary(scores),
                "seconds": seconds[ref.name],
            }
            for ref, scores in zip(order.models, all_scores, strict=True)
        ],
        "comparisons": [
            {
                "model": ref.name,
                "against": first.name,
                **suite_verdict.judge(
                    all_scores[0], scores, None if _made_from(ref, first) else first.name
                ).model_dump(),
            }
            for ref, scores in zip(order.models[1:], all_scores[1:], strict=True)
        ],
    }
    return result, seconds


def _made_from(ref: ModelRef, base: ModelRef) -> bool:
    """Whether `base` is the untouched base model that `ref` was trained on."""
    return base.weights_sha256 is None and ref.weights_sha256 is not None and ref.base_revision == base.base_revision


def _timed(models: Sequence[ModelRef], score: Callable[[ModelRef], T]) -> tuple[list[T], dict[str, float]]:
    scores, seconds = [], {}
    for ref in models:
        begun = time.monotonic()
        scores.append(score(ref))
        seconds[ref.name] = round(time.monotonic() - begun, 3)
    return scores, seconds


def held_out_rows(order: EvaluationOrder) -> list[dict[str, Any]]:
    """The dataset's held-out rows, in the dataset's order."""
    rows = row_files.read(Path(order.dataset_file), held_out=True)
    if not rows:
        raise StudioError(
            f"“{order.dataset_name}” has no held-out rows to score on.",
            code="no_held_out_rows",
            remedy="Add the dataset again with a larger held-out share.",
        )
    return rows


def held_out_side(order: EvaluationOrder, rows: Sequence[dict[str, Any]]) -> HeldOutSide:
    """What verdicts need to know of the dataset, including its training side."""
    file = Path(order.dataset_file)
    return held_out.of(order.shape, row_files.read(file, held_out=False), rows, row_files.documents(file))


def _noting(ref: ModelRef, order: EvaluationOrder, channel: Channel) -> Callable[[int, int], None]:
    """Reports the model's progress as its part of the evaluation; all models have equal parts."""
    return noting(channel, ref.name, part=parts([1] * len(order.models))[order.models.index(ref)])


def _score(ref: ModelRef, order: EvaluationOrder, rows: list[dict[str, Any]], context: int, channel: Channel) -> Scores:
    model = models.load(ref)
    return scoring.score(
        model,
        Renderer(Path(ref.base_folder)).instructed(order.instruction),
        order.shape,
        rows,
        max_length=min(context, LONGEST_ROW),
        context_length=context,
        trains_prompt=registry.shape(order.shape).messages is None,
        eval_rows=order.eval_rows,
        progress=_noting(ref, order, channel),
        stopped=lambda: channel.abandoned,
    )


def _score_on_suite(ref: ModelRef, order: EvaluationOrder, asked: suites.Suite, channel: Channel) -> SuiteScores:
    return suite.score(
        models.load(ref),
        Renderer(Path(ref.base_folder)),
        asked,
        context_length=models.context_length(ref),
        progress=_noting(ref, order, channel),
        stopped=lambda: channel.abandoned,
    )


def _freely(order: EvaluationOrder) -> list[str]:
    """What to know of results that choose among labels, which are scored like the others here."""
    return [
        f"“{ref.name}” wrote its answers freely here; in chat it chooses among its labels."
        for ref in order.models
        if (Path(ref.adapter_folder or ref.base_folder) / label_sets.FILE).is_file()
    ]


def _named(ref: ModelRef) -> dict[str, Any]:
    return {"name": ref.name, "base_revision": ref.base_revision, "weights_sha256": ref.weights_sha256}


def _summary(ref: ModelRef, scores: Scores, shape: str, side: HeldOutSide) -> dict[str, Any]:
    return {
        **_named(ref),
        "metrics": {name: score.model_dump() for name, score in verdict.alone(scores, shape, side).items()},
        "n_rows": int((scores.n_tokens > 0).sum()),
        "n_answered": len(scores.answers),
        "n_cut": scores.n_cut,
        "n_too_long": scores.n_too_long,
    }
