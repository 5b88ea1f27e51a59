"""Shared base models, whose they are, and when one can be deleted."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from storage import db, garbage, job_inputs, users
from storage.bases import base_models, deletions
from storage.gallery import artifacts
from storage.jobs import jobs
from storage.models import Artifact, BaseModelRow, User
from templates.errors import BadInput, Conflict, NotAllowed, NotFound
from templates.roles import Role

PASSWORD = "correct horse battery"


@pytest.fixture
def people(studio: User) -> tuple[User, User]:
    """An administrator and another account."""
    return users.add("alice", PASSWORD), users.add("bob", PASSWORD)


@pytest.fixture
def source(nano_folder: Path, tmp_path: Path) -> str:
    return str(shutil.copytree(nano_folder, tmp_path / "source"))


def artifact_on(user: User, base: BaseModelRow) -> Artifact:
    job = jobs.submit(user, name="tone", kind="train", spec={}, inputs=job_inputs.of(Role.BASE, base))
    jobs.cancel(user, job.id)
    with db.writing() as session:
        made = Artifact(
            owner_id=user.id, name="tone", job_id=job.id, attempt=1, kind="adapter", facts={}, location="artifacts/x/1",
            manifest_sha256="x", size_bytes=1, duration_s=0.0, created_at=0.0,
        )  # fmt: skip
        session.add(made)
    return made


def test_only_administrators_share(people: tuple[User, User], source: str) -> None:
    alice, bob = people
    with pytest.raises(NotAllowed, match="Only administrators"):
        base_models.add(bob, "house", source, shared=True)
    row = base_models.add(alice, "house", source, shared=True)
    assert row.is_shared
    for user in (*people, users.local()):
        assert base_models.get(user, "house").id == row.id
        assert [model.name for model in base_models.of_user(user)] == [*base_models.bundled(), "house"]


def test_names_of_shared_and_bundled_models_are_reserved(people: tuple[User, User], source: str) -> None:
    alice, _ = people
    base_models.add(alice, "house", source, shared=True)
    for user in people:
        for name in ("house", "studio-nano"):
            with pytest.raises(BadInput, match="already the name"):
                base_models.add(user, name, source)
    with pytest.raises(BadInput, match="already the name"):
        base_models.add(alice, "house", source, shared=True)


def test_a_shared_name_says_nothing_about_private_ones(people: tuple[User, User], source: str) -> None:
    alice, bob = people
    private = base_models.add(bob, "house", source)
    shared = base_models.add(alice, "house", source, shared=True)
    assert base_models.get(bob, "house").id == private.id, "your own comes first"
    assert base_models.get(bob, shared.id).id == shared.id
    assert base_models.get(alice, "house").id == shared.id
    deletions.delete(bob, "house")
    assert base_models.get(bob, "house").id == shared.id


def test_a_deleted_model_keeps_its_files_while_results_rest_on_it(people: tuple[User, User], source: str) -> None:
    alice, bob = people
    shared = base_models.add(alice, "house", source, shared=True)
    tone = artifact_on(bob, shared)
    with pytest.raises(NotAllowed):
        deletions.delete(bob, "house")
    assert deletions.delete(alice, "house") == 1
    for user in people:
        for name in ("house", shared.id):
            with pytest.raises(NotFound):
                base_models.get(user, name)
    with pytest.raises(NotFound):
        deletions.delete(alice, shared.id)
    garbage.collect(older_than_s=-1)
    folder = base_models.folder(artifacts.base_of(tone))
    assert folder.is_dir()
    assert base_models.add(alice, "house", source, shared=True).id != shared.id, "the name is free again"
    artifacts.delete(bob, "tone")
    garbage.collect(older_than_s=-1)
    assert not folder.exists()
    assert base_models.folder(base_models.get(alice, "house")).is_dir()


def test_a_model_in_use_stays_and_the_job_of_somebody_else_is_not_named(people: tuple[User, User], source: str) -> None:
    alice, bob = people
    for owner, name in ((None, "house"), (bob, "mine")):
        row = base_models.add(owner or alice, name, source, shared=owner is None)
        jobs.submit(bob, name="secret", kind="train", spec={}, inputs=job_inputs.of(Role.BASE, row))
    with pytest.raises(Conflict, match="a job that has not ended") as refusal:
        deletions.delete(alice, "house")
    assert "secret" not in str(refusal.value)
    with pytest.raises(Conflict, match="“secret”"):
        deletions.delete(bob, "mine")


def test_other_peoples_and_bundled_models_are_not_deleted(people: tuple[User, User], source: str) -> None:
    alice, bob = people
    row = base_models.add(bob, "mine", source)
    for name in ("mine", row.id):
        with pytest.raises(NotFound):
            deletions.delete(alice, name)
    with pytest.raises(Conflict, match="part of the studio"):
        deletions.delete(alice, "studio-nano")
