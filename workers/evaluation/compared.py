"""The base's and the adapted model's answers side by side, as stored with the artifact."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from workers.evaluation.answer_pairs import answered_by_both, change
from workers.evaluation.scoring import Scores
from workers.evaluation.verdict_document import Change


class ComparedAnswer(BaseModel):
    """One held-out row as both models answered it. Losses are means in nats per token."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    row: int
    """Its row number in the source file."""
    prompt: str
    expected: str
    base: str
    adapted: str
    change: Change
    loss_base: float | None
    """None if no token of the row could be scored."""
    loss_adapted: float | None
    dataset: str = ""
    """Where the row is from, if several datasets were learned together."""


def compare(base: Scores, adapted: Scores, *, dataset: str = "") -> list[ComparedAnswer]:
    """Every row that both models answered, from the most improved to the worst; `dataset` is one of several."""
    found = []
    for of_base, of_adapted in answered_by_both(base, adapted):
        found.append(
            ComparedAnswer(
                row=base.source_rows[of_base.index],
                prompt=of_base.prompt,
                expected=of_base.expected,
                base=of_base.given,
                adapted=of_adapted.given,
                change=change(of_base, of_adapted),
                loss_base=_mean_loss(base, of_base.index),
                loss_adapted=_mean_loss(adapted, of_base.index),
                dataset=dataset,
            )
        )
    return sorted(found, key=_rank)


def _mean_loss(scores: Scores, index: int) -> float | None:
    n_tokens = int(scores.n_tokens[index])
    return float(scores.nll[index]) / n_tokens if n_tokens else None


def _rank(answer: ComparedAnswer) -> tuple[int, float]:
    order = {"better": 0, "changed": 1, "same": 1, "worse": 2}
    return order[answer.change], (answer.loss_adapted or 0.0) - (answer.loss_base or 0.0)


def write(answers: Sequence[ComparedAnswer], path: Path) -> None:
    """One JSON document per line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{answer.model_dump_json()}\n" for answer in answers), "utf-8")
