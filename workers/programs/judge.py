"""The program of a `judge` job: two models answer, a judge compares, and votes say how far to trust it.

preparing → answering → judging. Answers and a service's replies are sealed as they come, so an attempt resumes where
the last one was killed, and a later judgement asks only what is new.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from storage.judging.both_orders import Judged
from storage.models import Stage
from templates.errors import StudioError
from templates.shortened import shortened
from templates.turns import said
from workers.evaluation.progress import Channel
from workers.judging import outcome, sentences
from workers.judging.answered import Answered, Compared, answered
from workers.judging.asked import Judge
from workers.judging.scored import Scorer
from workers.orders.judge import JudgeOrder
from workers.protocol import Done
from workers.stages import Stages, Watch

MOST_SHOWN = 100
"""Pairs of answers that the result keeps, for people to read."""
SHOWN_CHARS = 600


def run(order: JudgeOrder, channel: Channel) -> Done:
    """Judge the order's models. Raises `Interrupted` if the worker no longer wants the result."""
    torch.set_num_threads(order.threads)
    stages = Stages(channel)
    stages.enter(Stage.PREPARING)
    judge = _judge(order)
    voted = [Compared(vote.turns, vote.first, vote.second) for vote in order.votes]
    stages.enter("answering")
    found = answered(order, Watch(channel)) if order.asks.dataset_file else None
    pairs = found.pairs if found else []
    stages.enter("judging")
    judged = judge.judged([*pairs, *voted], channel)
    stages.enter(None)
    result = _result(order, found, voted, judged)
    result |= {"claim": sentences.claim(result), "sentence": sentences.sentence(result)}
    result["remarks"] = sentences.remarks(result, judge.remarks())
    return Done(
        result={**result, **judge.result()}, actual={"seconds": stages.seconds}, opened_held_out=found is not None
    )


def _judge(order: JudgeOrder) -> Judge | Scorer:
    if order.rewarding:
        return Scorer(order.rewarding)
    if order.asks.service is None:
        raise StudioError("The order names no judge.", code="old_job", remedy="Submit the job again.")
    return Judge(order, order.asks.service)


def _result(
    order: JudgeOrder, found: Answered | None, voted: Sequence[Compared], judged: Sequence[Judged]
) -> dict[str, Any]:
    n_rows = len(found.pairs) if found else 0
    rows = outcome.of_rows(order, found, judged[:n_rows]) if found else None
    votes = outcome.of_votes(voted, judged[n_rows:]) if voted else None
    pairs = [*(found.pairs if found else []), *voted]
    shown = [_shown(pair, one) for pair, one in zip(pairs, judged, strict=True)][:MOST_SHOWN]
    return {**outcome.document(order, found, rows, votes), "pairs": shown, "n_pairs": len(pairs)}


def _shown(pair: Compared, judged: Judged) -> dict[str, Any]:
    """One pair for people to read."""
    asked = next((said(turn) for turn in reversed(pair.turns) if turn["role"] == "user"), "")
    texts = {"prompt": asked, "first": pair.first, "second": pair.second}
    return {
        "row": pair.row["source_row"] if pair.row else None,
        **{name: shortened(text, SHOWN_CHARS) for name, text in texts.items()},
        "outcome": judged.outcome,
        **({"scores": list(judged.scores)} if judged.scores else {}),
    }
