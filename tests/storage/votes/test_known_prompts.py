"""What models may know: held-out prompts of all their data, and the sides of earlier datasets of votes."""

from __future__ import annotations

import pytest

from storage import db, job_inputs
from storage.bases import base_models
from storage.data import datasets
from storage.jobs import jobs
from storage.models import Artifact, BaseModelRow, Dataset, User
from storage.votes import contenders, known_prompts, preference_data
from templates.roles import Role
from tests.storage.conftest import StoreDataset
from tests.storage.votes.voting import NANO, third, voted

FEW = ("parcel", "snow", "violin", "harbour", "lemon", "engine", "garden", "mirror", "pencil", "desert")
MORE = ("anchor", "bottle", "candle", "dragon", "eagle", "forest", "guitar", "hammer", "island", "jacket", "kettle")
MORE += ("ladder", "magnet", "needle", "orange", "pepper", "quartz", "rocket", "saddle", "tunnel")


def result(user: User, name: str, base: BaseModelRow | Artifact, *data: Dataset) -> Artifact:
    """A result that was trained on these datasets, without files."""
    inputs = job_inputs.of(Role.BASE, base) + job_inputs.of(Role.TRAINING, *data)
    job = jobs.submit(user, name=name, kind="train", spec={}, inputs=inputs)
    made = Artifact(
        **{"owner_id": user.id, "job_id": job.id, "attempt": 1, "name": name, "kind": "adapter", "location": name},
        **{"facts": {}, "manifest_sha256": "x", "size_bytes": 1, "duration_s": 1.0, "created_at": job.created_at},
    )
    with db.writing() as session:
        session.add(made)
    return made


@pytest.mark.parametrize("way", ["mix", "chain"])
def test_held_out_prompts_of_all_data_behind_a_model_are_kept_out(
    studio: User, store_dataset: StoreDataset, way: str
) -> None:
    data = [
        store_dataset(name, "prompt_completion", [{"prompt": f"{name} {i}?", "completion": "x"} for i in range(4)])
        for name in ("first", "second")
    ]
    base = base_models.get(studio, NANO)
    made = result(studio, "tone", base, *data) if way == "mix" else (
        result(studio, "longer", result(studio, "tone", base, data[0]), data[1])
    )  # fmt: skip
    known = {"gone": third(contenders.of(studio, NANO)).model_copy(update={"id": made.id})}
    for name in ("first", "second"):
        for i in (0, 3):
            voted(studio, f"{name} {i}?", "left", models=(NANO, "gone"), known=known)
    found = preference_data.preview(studio)
    assert found.left_out == {"held_out": 2}
    assert sorted(pair.prompt[-1]["content"] for pair in found.pairs) == ["first 0?", "second 0?"]


def prompts(dataset: Dataset, side: str) -> set[str]:
    return {row["prompt"][-1]["content"] for row in datasets.rows(dataset, side=side)}  # type: ignore[arg-type]


def test_prompts_keep_their_sides_when_votes_are_made_into_data_again(studio: User) -> None:
    for word in FEW:
        voted(studio, f"{word}?", "left")
    first = preference_data.make(studio)
    for word in MORE:
        voted(studio, f"{word}?", "left")
    again = preference_data.make(studio)
    assert (first.n_held_out, again.n_held_out) == (1, 3)
    assert prompts(first, "training") <= prompts(again, "training")
    assert prompts(first, "held_out") <= prompts(again, "held_out")
    assert preference_data.KNOWN not in [one["message"] for one in again.remarks]


def test_without_another_prompt_the_sides_are_drawn_anew_and_that_is_said(
    studio: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for word in ("parcel", "snow", "violin"):
        voted(studio, f"{word}?", "left")
    preference_data.make(studio)
    all_learned = known_prompts.Sides(frozenset({"parcel?", "snow?", "violin?"}), frozenset())
    monkeypatch.setattr(known_prompts, "earlier", lambda ids: all_learned)
    made = preference_data.make(studio)
    assert made.n_held_out == 1
    assert made.remarks[-1]["message"] == preference_data.KNOWN
