"""What a measurement of strengths needs, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from storage import db, files, job_inputs
from storage.bases import base_models
from storage.data import datasets
from storage.jobs import jobs, workspaces
from storage.models import Artifact, Dataset, Job, JobState, User
from storage.planning import strengths, training
from storage.settings import settings
from templates.errors import BadInput, NotFound
from templates.roles import Role

StoreDataset = Callable[..., Dataset]
ROWS = [{"text": f"text {n}", "label": "ab"[n % 2]} for n in range(60)]
LORA: dict[str, Any] = {"peft_type": "LORA", "r": 8, "lora_alpha": 16}


@pytest.fixture(autouse=True)
def _measures_abilities(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_FORGETTING_ITEMS", "2")
    settings.cache_clear()


def published(
    user: User, *, config: dict[str, Any] | None = None, method: str = "lora", objective: str = "sft", **asked: Any
) -> Artifact:
    """A training's result as a worker leaves it."""
    planned = training.plan(
        user, base="studio-nano", dataset="tickets", objective=objective, method=method, preset="quick", **asked
    )
    job = training.submit(user, planned, name="tone")
    location = workspaces.artifact_location(job.id, 1)
    folder = settings().files / location
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps(config or LORA))
    facts = {"recipe": planned.recipe.model_dump(mode="json"), "weights_sha256": "ab" * 32, "verdict": {}}
    artifact = Artifact(
        owner_id=user.id, name="tone", job_id=job.id, attempt=1, kind="adapter", facts=facts, location=location,
        manifest_sha256=files.seal(folder), size_bytes=1, duration_s=1.0, created_at=job.created_at,
    )  # fmt: skip
    with db.writing() as session:
        session.add(artifact)
        row = session.get_one(Job, job.id)
        row.state, row.attempt, row.artifact_id, row.finished_at = JobState.SUCCEEDED, 1, artifact.id, job.created_at
        row.actual = {"seconds": {"preparing": 2.0, "evaluating": 40.0}}
    return artifact


def test_a_measurement_names_model_rows_and_what_was_learned(studio: User, store_dataset: StoreDataset) -> None:
    tickets = store_dataset("tickets", "classification", ROWS)
    artifact = published(studio)
    job = strengths.submit(studio, "tone", idem_key="k")
    used = job_inputs.of_job(job.id)
    assert (used.model(Role.MODEL), used.all(Role.PROMPTS)) == (artifact, [tickets])
    assert used.measured_on is None, "it opens no held-out side"
    assert job.spec == {"strengths": [0.0, 0.25, 0.5, 0.75, 1.0], "instructions": [""], "learned": True}
    assert (job.kind, job.name) == ("strength", "strength of tone")
    assert job.estimate
    assert 60 < job.estimate["seconds_low"] < job.estimate["seconds"] < job.estimate["seconds_high"] < 250
    assert strengths.submit(studio, "tone", idem_key="k").id == job.id
    found = strengths.of_artifact(studio, artifact)
    assert found is not None
    assert (found.id, strengths.measured(found)) == (job.id, None)


def test_rows_that_chose_the_weights_were_not_learned(studio: User, store_dataset: StoreDataset) -> None:
    store_dataset("tickets", "classification", ROWS)
    published(studio, settings={"load_best_model_at_end": True})
    assert not strengths.plan(studio, "tone").learned


def test_every_dataset_of_a_mix_is_scored_and_the_replayed_ones_are_known(
    studio: User, store_dataset: StoreDataset
) -> None:
    tickets = store_dataset("tickets", "classification", ROWS)
    more = store_dataset("more", "classification", [{"text": f"other {n}", "label": "c"} for n in range(40)])
    own = store_dataset("own", "classification", [{"text": f"own {n}", "label": "d"} for n in range(40)])
    published(studio, weights={"tickets": None, "more": None}, replay={"own": None})
    planned = strengths.plan(studio, "tone")
    assert ([one.id for one in planned.task], [one.id for one in planned.replayed]) == ([tickets.id, more.id], [own.id])
    assert planned.instructions == ("", "")
    datasets.delete(studio, "own")
    assert "nobody knows which prompts were replayed" in strengths.why_not(studio, "tone")


@pytest.mark.parametrize(
    ("config", "why"),
    [({"peft_type": "IA3"}, "only LoRA adapters have a strength"), ({**LORA, "use_dora": True}, "DoRA")],
)
def test_an_adapter_without_a_strength_is_refused(
    studio: User, store_dataset: StoreDataset, config: dict[str, Any], why: str
) -> None:
    store_dataset("tickets", "classification", ROWS)
    published(studio, config=config)
    with pytest.raises(BadInput, match=why):
        strengths.submit(studio, "tone")
    assert [job.kind for job in jobs.of_user(studio)] == ["train"]


def test_deleted_rows_are_said(studio: User, store_dataset: StoreDataset) -> None:
    store_dataset("tickets", "classification", ROWS)
    published(studio)
    datasets.delete(studio, "tickets")
    assert "“tickets” of its training is deleted" in strengths.why_not(studio, "tone")


def test_a_studio_that_measures_no_abilities_says_so(
    studio: User, store_dataset: StoreDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_dataset("tickets", "classification", ROWS)
    published(studio)
    monkeypatch.setenv("STUDIO_FORGETTING_ITEMS", "0")
    settings.cache_clear()
    assert "STUDIO_FORGETTING_ITEMS is 0" in strengths.why_not(studio, "tone")


def test_the_last_failure_is_known_until_another_one_is_asked_for(studio: User, store_dataset: StoreDataset) -> None:
    store_dataset("tickets", "classification", ROWS)
    artifact = published(studio)
    job = strengths.submit(studio, "tone")
    with db.writing() as session:
        session.get_one(Job, job.id).state = JobState.FAILED
    failed = strengths.last_failure(studio, artifact)
    assert failed is not None
    assert (failed.id, strengths.of_artifact(studio, artifact)) == (job.id, None)
    again = strengths.submit(studio, "tone")
    assert strengths.last_failure(studio, artifact) is None
    found = strengths.of_artifact(studio, artifact)
    assert found is not None
    assert found.id == again.id


def test_base_models_have_no_strength(studio: User) -> None:
    assert base_models.get(studio, "studio-nano")
    with pytest.raises(NotFound, match="There is no artifact"):
        strengths.submit(studio, "studio-nano")


def test_classification_sets_its_selection_rows_aside(studio: User, store_dataset: StoreDataset) -> None:
    store_dataset("tickets", "classification", ROWS)
    published(studio, objective="classification")
    assert not strengths.plan(studio, "tone").learned


def test_answers_judged_one_by_one_are_refused(studio: User, store_dataset: StoreDataset) -> None:
    asked = [[{"role": "user", "content": f"Say {n}."}] for n in range(60)]
    rows = [{"prompt": turns, "completion": "Yes.", "label": n % 2 == 0} for n, turns in enumerate(asked)]
    store_dataset("tickets", "unpaired_preference", rows)
    published(studio, objective="kto")
    with pytest.raises(BadInput, match="judged one by one"):
        strengths.plan(studio, "tone")
