"""The page of base models: what they are, what fits, what is on its way, and what can be done with them."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.pages import models
from storage import db, job_inputs, users
from storage.bases import base_models
from storage.jobs import jobs, worker_rows
from storage.models import Artifact, BaseModelRow, Job, JobState, User
from templates.roles import Role
from tests.storage.base_rows import base_row
from tests.storage.planning.test_machines import worker

GIB = 2**30
SMOLLM = {"kind": "hub", "title": "SmolLM2 from the hub", "id": "HuggingFaceTB/SmolLM2-135M-Instruct", "revision": "c0"}


@pytest.fixture
def mine(studio: User, nano_folder: Path, tmp_path: Path) -> BaseModelRow:
    """A model that the user added, with a licence."""
    source = shutil.copytree(nano_folder, tmp_path / "source")
    (source / "LICENSE").write_text("Use it <b>well</b>.")
    return base_models.add(studio, "mine", str(source), license="MIT")


def download(user: User, **columns: Any) -> Job:
    spec = {"source": {**SMOLLM, "files": []}, "chat_template": None, "license": None, "shared": False}
    job = jobs.submit(user, name="smollm2", kind="download", spec=spec)
    with db.writing() as session:
        row = session.get_one(Job, job.id)
        for name, value in columns.items():
            setattr(row, name, value)
    return row


def yours(asking: Any, user: User) -> str:
    return str(models.tick(asking(user), "", "", True)[3])


def test_a_model_says_what_it_is_and_what_fits(studio: User, mine: BaseModelRow, asking: Any) -> None:
    shown = yours(asking, studio)
    for said in (
        "studio-small", "studio-nano", "1.9 M parameters · 4.1 MB · context 1,024 tokens · bfloat16 · MIT",
        "Made from the folder “source”", "added by you", "LoRA fits", "QLoRA fits", "all weights fit",
        "No worker runs, so the badges say what fits on this machine now, for rows of up to 512 tokens",
        'href="train?base=mine"',
    ):  # fmt: skip
        assert said in shown


def test_badges_are_those_of_the_workers(studio: User, asking: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"memory_total_bytes": 2 * GIB, "memory_free_bytes": GIB // 2, "disk_free_bytes": 100 * GIB}
    large = {"memory_total_bytes": 64 * GIB, "memory_free_bytes": 60 * GIB, "disk_free_bytes": 100 * GIB}
    monkeypatch.setattr(worker_rows, "alive", lambda: [worker(id="s", **small), worker(id="l", **large)])
    shown = yours(asking, studio)
    assert "the workers that run now (CPU, 2.1 GB, CPU, 69 GB)" in shown
    assert "LoRA ✗ needs ≈ " in shown
    assert "LoRA fits" in shown


def test_lineage_leads_both_ways(studio: User, finished: tuple[Job, Artifact], asking: Any) -> None:
    shown = yours(asking, studio)
    assert 'Trained on it: <a href="gallery?artifact=tickets-lora">' in shown
    assert 'Made from <a href="models?model=studio-nano">studio-nano</a>' in shown
    assert "Learn input → output, with LoRA." in shown
    assert "compare?models=studio-nano%2Ctickets-lora" in shown


def test_others_see_nothing_of_it(studio: User, mine: BaseModelRow, asking: Any) -> None:
    bob = users.add("bob", "correct horse battery")
    assert "mine" not in yours(asking, bob)
    assert "There is no base model “mine”" in models.open_page(asking(bob, model="mine"))[0]
    for refused in (
        models.guarded(2)(models.rename)(asking(bob), mine.id, "theirs")[0],
        models.guarded(2)(models.delete)(asking(bob), mine.id)[0],
    ):
        assert 'role="alert"' in refused
    job = download(studio)
    pressed = SimpleNamespace(does="cancel", which=job.id)
    assert 'role="alert"' in models.guarded(1)(models.act)(asking(bob), pressed)
    assert jobs.get(studio, job.id).state == JobState.QUEUED


def test_one_model_with_its_licence(studio: User, mine: BaseModelRow, asking: Any) -> None:
    _, _, subject, one, card, ways, name, depends, sentences, *_ = models.open_page(asking(studio, model="mine"))
    assert (subject, one["visible"], ways["visible"], name) == (mine.id, True, True, "mine")
    assert "Use it &lt;b&gt;well&lt;/b&gt;." in card
    assert mine.revision in card
    assert "Nothing else depends on it" in sentences
    assert "Nothing else depends on it" in depends


def test_a_bundled_model_is_not_renamed_or_deleted(studio: User, asking: Any) -> None:
    opened = models.open_page(asking(studio, model="studio-small"))
    assert opened[3]["visible"]
    assert not opened[5]["visible"]
    assert opened[7] == ""


def test_a_shared_model_is_an_administrators(studio: User, mine: BaseModelRow, asking: Any) -> None:
    with db.writing() as session:
        session.get_one(BaseModelRow, mine.id).owner_id = None
    users.add("alice", "correct horse battery")
    bob = users.add("bob", "correct horse battery")
    assert not models.open_page(asking(bob, model="mine"))[5]["visible"]
    assert models.open_page(asking(studio, model="mine"))[5]["visible"]


def test_rename_and_delete(studio: User, mine: BaseModelRow, asking: Any) -> None:
    assert models.rename(asking(studio), mine.id, "finer")[1] == "models?model=finer"
    waiting = jobs.submit(studio, name="later", kind="train", spec={}, inputs=job_inputs.of(Role.BASE, mine))
    opened = models.open_page(asking(studio, model="finer"))
    assert "It can't be deleted yet: 1 job (“later”) uses it" in opened[8]
    assert "later" in models.guarded(2)(models.delete)(asking(studio), mine.id)[0]
    jobs.cancel(studio, waiting.id)
    assert models.delete(asking(studio), "") == ("", "")
    said, to = models.delete(asking(studio), mine.id)
    assert "“finer” is deleted" in said
    assert to == "models"
    assert "finer" not in yours(asking, studio)


def test_what_is_on_its_way_is_shown_and_cancelled(studio: User, asking: Any) -> None:
    job = download(studio, state=JobState.RUNNING, stage="fetching", step=34, total_steps=93)
    shown = str(models.tick(asking(studio), "", "", True)[2])
    assert "34 of 93 MB" in shown
    assert 'role="progressbar"' in shown
    assert f'data-do="cancel" data-which="{job.id}"' in shown
    said = models.act(asking(studio), SimpleNamespace(does="cancel", which=job.id))
    assert "“smollm2” is being cancelled" in said
    assert jobs.get(studio, job.id).cancel_at


def test_a_failure_stays_for_a_day_with_its_reason(studio: User, asking: Any) -> None:
    now = time.time()
    job = download(studio, state=JobState.FAILED, error="The hub broke off.", remedy="Try again.", finished_at=now)
    assert "The hub broke off." in models.tick(asking(studio), "", "", True)[2]
    assert "is tried again" in models.act(asking(studio), SimpleNamespace(does="retry", which=job.id))
    assert len(jobs.of_user(studio)) == 2
    with db.writing() as session:
        session.get_one(Job, job.id).finished_at = now - 100_000
    assert "broke off" not in models.tick(asking(studio), "", "", True)[2]


def test_a_tick_sends_only_what_changed(studio: User, asking: Any) -> None:
    _, seen, coming, yours, listing = models.tick(asking(studio), "", "", True)
    assert coming == ""
    assert yours
    assert listing
    assert [isinstance(part, dict) for part in models.tick(asking(studio), seen, "", True)] == [True] * 5, "all skipped"
    download(studio)
    _, marks, coming, *_ = models.tick(asking(studio), seen, "", True)
    assert marks != seen
    assert "On its way" in coming
    base_row(studio, "mine")
    _, _, coming, yours, listing = models.tick(asking(studio), marks, "qwen", False)
    assert isinstance(coming, dict)
    assert "mine" in yours
    assert "smollm2-360m" not in listing, "what was searched for stays"


def test_the_page_is_quick(studio: User, asking: Any) -> None:
    _, seen, *_ = models.tick(asking(studio), "", "", True)
    began = time.process_time()
    models.tick(asking(studio), "", "", True)
    assert time.process_time() - began < 0.2
    began = time.process_time()
    models.tick(asking(studio), seen, "", True)
    assert time.process_time() - began < 0.05
