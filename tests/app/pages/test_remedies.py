"""On the page of a result that forgot something: ways to bring it back, and the form that a repair opens."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from app.cli import verdicts as lines
from app.pages import remedies, train_form, train_mix, verdicts
from app.pages.alerts import guarded
from app.pages.filled import Filled
from storage import db
from storage.data import datasets, uploads
from storage.gallery import artifacts
from storage.jobs import jobs
from storage.models import Artifact, Dataset, Job, User
from storage.planning import intruders, self_replays
from tests.app.pages.conftest import VERDICT

LOST = {"difference": {"value": -0.6, "low": -0.7, "high": -0.5}}
KEPT = {"difference": {"value": -0.01, "low": -0.05, "high": 0.03}}


def forgot(artifact: Artifact, forgotten: dict[str, Any]) -> None:
    """Let the result's verdict say what was lost; its adapter is one of LoRA."""
    (artifacts.folder(artifact) / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA"}))
    with db.writing() as session:
        row = session.get_one(Artifact, artifact.id)
        row.facts = {**row.facts, "verdict": {**VERDICT, "forgotten": forgotten}}


@pytest.fixture
def lost(finished: tuple[Job, Artifact]) -> Job:
    forgot(finished[1], {"mean": LOST})
    return finished[0]


@pytest.fixture
def own(studio: User) -> Dataset:
    """Prompts that the base wrote itself."""
    rows = "\n".join(json.dumps({"prompt": f"Tell me {i} things.", "completion": "No."}) for i in range(30))
    made = datasets.add(studio, uploads.save(studio, "own.jsonl", io.BytesIO(rows.encode())), name="own")
    job = self_replays.submit(studio, model="studio-nano", name="own-rows")
    with db.writing() as session:
        session.get_one(Dataset, made.id).made_by_job_id = job.id
    return made


def test_without_prompts_the_base_writes_some_first(studio: User, lost: Job, asking: Any) -> None:
    _, repair, reduce, words = remedies.show(asking(studio), lost.id)
    assert (repair["visible"], repair["value"]) == (True, "Let studio-nano write prompts for a repair")
    assert reduce["visible"]
    assert "let it write them, then come back here" in words
    _, goes = guarded(2)(remedies.repair)(asking(studio), lost.id)
    written = jobs.get(studio, goes.removeprefix("jobs?job="))
    assert written.kind == self_replays.KIND


def test_a_repair_opens_the_form_filled_in(studio: User, lost: Job, own: Dataset, asking: Any) -> None:
    _, repair, _, words = remedies.show(asking(studio), lost.id)
    assert repair["value"] == "Repair what it forgot"
    assert "30 prompts of “own”" in words
    _, goes = guarded(2)(remedies.repair)(asking(studio), lost.id)
    address = dict(parse_qsl(urlsplit(goes).query))
    assert address == {
        "base": "tickets-lora", "data": "tickets", "objective": "repair", "method": "lora", "keep": "own",
    }  # fmt: skip
    form = Filled(**train_form.opened(asking(studio, **address))[-1])
    assert (form.base, form.data, form.objective, form.keep) == ("tickets-lora", "tickets", "repair", "own")
    plan = form.plan(studio)
    assert [one.name for one in plan.data.replayed] == ["own"]
    assert plan.data.mix.prompts_first
    assert plan.continuation
    assert plan.continuation.way == "same_adapter"


def test_the_form_speaks_of_prompts_and_proposes_those_of_the_base(
    studio: User, lost: Job, own: Dataset, asking: Any
) -> None:
    address = {"base": "tickets-lora", "data": "tickets", "objective": "repair"}
    found = train_form.opened(asking(studio, **address))[4:]
    more, shares, keep, share, hint, write, fold = found[11:18]
    assert keep["label"] == "Prompts that the model answers"
    assert keep["value"] == "own"
    assert "studio-nano wrote" in hint
    assert [one["visible"] for one in (more, shares, share, write)] == [False] * 4
    assert (fold["label"], fold["open"]) == ("Prompts for the repair", True)
    form = replace(Filled(**found[-1]), objective="sft")
    plain = train_form.drawn(studio, form)[11:18]
    assert (plain[2]["label"], plain[6]["label"]) == ("Keep what it knew", "Add more data, or keep what the model knew")


def test_the_form_lets_the_base_write_prompts(studio: User, lost: Job, asking: Any) -> None:
    address = {"base": "tickets-lora", "data": "tickets", "objective": "repair"}
    found = train_form.opened(asking(studio, **address))[4:]
    assert found[16]["value"] == "Let studio-nano write prompts"
    _, goes = train_mix.let_write(asking(studio), Filled(**found[-1]))
    assert jobs.get(studio, goes.removeprefix("jobs?job=")).name == "studio-nano-own-rows"
    said = guarded(train_form.N_CHECKED)(train_form.checked)(asking(studio), Filled(**found[-1]))[0]
    assert "a repair needs prompts that have nothing to do with it" in said


def test_a_reduction_is_one_click(studio: User, lost: Job, asking: Any) -> None:
    _, goes = guarded(2)(remedies.reduce)(asking(studio), lost.id)
    job = jobs.get(studio, goes.removeprefix("jobs?job="))
    assert (job.kind, job.name) == (intruders.KIND, "tickets-lora-reduced")


def test_nothing_is_offered_where_nothing_was_surely_lost(
    studio: User, finished: tuple[Job, Artifact], asking: Any
) -> None:
    for forgotten in ({}, {"mean": KEPT}, {"mean": LOST, "root": {"left": KEPT}}):
        forgot(finished[1], forgotten)
        _, repair, reduce, words = remedies.show(asking(studio), finished[0].id)
        assert (repair["visible"], reduce["visible"], words) == (False, False, "")


def test_another_adapter_has_no_intruders(studio: User, finished: tuple[Job, Artifact], asking: Any) -> None:
    forgot(finished[1], {"mean": LOST})
    (artifacts.folder(finished[1]) / "adapter_config.json").write_text(json.dumps({"peft_type": "IA3"}))
    assert remedies.show(asking(studio), finished[0].id)[2]["visible"] is False
    assert "can&#39;t be reduced" in guarded(2)(remedies.reduce)(asking(studio), finished[0].id)[0]


def test_a_verdict_says_what_came_back() -> None:
    told = {**VERDICT, "came_back": "Came back: 41 points [35, 47]."}
    assert "Came back: 41 points [35, 47]." in verdicts.block(told)
    assert "Came back: 41 points [35, 47]." in lines.measured(told, None)
