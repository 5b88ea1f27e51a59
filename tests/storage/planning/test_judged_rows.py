"""Before a training on judged answers: what its reference takes, how judgements weigh, and what would mislead."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from storage.data import datasets, uploads
from storage.models import User
from storage.planning import training
from templates.errors import BadInput


def add(user: User, rows: list[dict[str, Any]], name: str) -> None:
    lines = "\n".join(map(json.dumps, rows))
    datasets.add(user, uploads.save(user, f"{name}.jsonl", io.BytesIO(lines.encode())), name=name)


def plan(user: User, name: str, objective: str, **settings: Any) -> training.Plan:
    return training.plan(user, base="studio-nano", dataset=name, objective=objective, method="lora", settings=settings)


def pairs(n: int = 30) -> list[dict[str, Any]]:
    return [{"prompt": f"Where is {i}?", "chosen": f"It is {i}." * 5, "rejected": f"No {i}."} for i in range(n)]


def judged(n_good: int, n_bad: int) -> list[dict[str, Any]]:
    n = n_good + n_bad
    return [{"prompt": f"Where is {i}?", "completion": f"It is at {i}.", "label": i < n_good} for i in range(n)]


def test_the_health_reports_findings_on_pairs_are_repeated(studio: User) -> None:
    torn = {"prompt": "Where is it?", "chosen": "Here it is, my friend.", "rejected": "Not there."}
    turned = {**torn, "chosen": torn["rejected"], "rejected": torn["chosen"]}
    add(studio, [*pairs(), *[torn, turned] * 2], "pairs")
    said = " ".join(plan(studio, "pairs", "simpo").notes)
    assert "Length bias: In 2" in said
    assert "Contradicting judgements:" in said
    assert "reference" not in said, "SimPO has none"
    assert not plan(studio, "pairs", "sft").notes, "the rejected answers are not learned there"


def test_a_reference_read_once_takes_less_time(studio: User) -> None:
    add(studio, pairs(), "pairs")
    in_steps, once = (
        plan(studio, "pairs", "dpo", num_train_epochs=4, precompute_ref_log_probs=first) for first in (False, True)
    )
    assert "in every step" in in_steps.notes[0]
    assert "once, before the training" in once.notes[0]
    assert once.estimate.seconds_by_stage["training"] < in_steps.estimate.seconds_by_stage["training"]


def test_weights_are_shown_and_one_kind_is_refused(studio: User) -> None:
    add(studio, judged(30, 10), "judged")
    assert any("with the weights 1 and" in note for note in plan(studio, "judged", "kto").notes)
    add(studio, judged(30, 0), "good")
    with pytest.raises(BadInput, match="are good, so there is nothing to tell apart"):
        plan(studio, "good", "kto")
