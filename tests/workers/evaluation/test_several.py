"""The verdicts on several datasets in one document."""

from __future__ import annotations

from workers.evaluation import several
from workers.evaluation.sentences import Outcome
from workers.evaluation.verdict_document import OnDataset, Verdict


def on(name: str, outcome: Outcome) -> OnDataset:
    verdict = Verdict(
        verdict=outcome,
        claim=f"claim of {name}",
        sentence=f"Sentence of {name}.",
        headline="loss",
        metrics={},
        n_rows=len(name),
        n_answered=0,
        n_tokens=0,
        changes={},
    )
    return OnDataset(name=name, verdict=verdict)


def test_a_loss_on_one_does_not_hide_behind_another() -> None:
    found = several.joined([on("tickets", "better"), on("moods", "worse"), on("facts", "better")])
    assert found.verdict == "worse"
    assert found.claim == "Better on “tickets” and “facts”, worse on “moods”"
    assert found.sentence == (
        "Better on “tickets” and “facts”, worse on “moods”. On “tickets”: Sentence of tickets. On “moods”: Sentence of "
        "moods. On “facts”: Sentence of facts."
    )
    assert found.n_rows == len("tickets"), "the figures are the first one's"
    assert [(one.name, one.verdict.verdict) for one in found.by_dataset] == [
        ("tickets", "better"), ("moods", "worse"), ("facts", "better")
    ]  # fmt: skip


def test_better_on_all_is_better() -> None:
    found = several.joined([on("a", "better"), on("b", "better")])
    assert (found.verdict, found.claim) == ("better", "Better on “a” and “b”")
    assert Verdict.model_validate_json(found.model_dump_json()) == found
