"""Further data on the training form: learned together, or replayed so that the model keeps what it knew."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest

from app.pages import outcomes, rerun, train_address, train_form, train_mix, verdicts
from app.pages.train_form import Filled
from storage import db, job_inputs
from storage.data import datasets, uploads
from storage.jobs import jobs
from storage.models import Dataset, Job, JobState, User
from storage.planning import self_replays, training
from templates.roles import Role
from tests.app.pages.conftest import VERDICT, csv

FIRST = 11
"""The place of the first component of the mix among the outputs of what redraws the form."""


@pytest.fixture
def request_of(asking: Any, studio: User) -> gr.Request:
    return asking(studio)  # type: ignore[no-any-return]


@pytest.fixture
def moods(studio: User) -> Dataset:
    """More texts with labels."""
    rows = csv().replace(b"where is my", b"I lost my")
    return datasets.add(studio, uploads.save(studio, "moods.csv", io.BytesIO(rows)), name="moods")


def drawn(user: User, form: Filled) -> tuple[list[Any], Filled]:
    """The updates of the mix, and the form as drawn."""
    found = train_form.drawn(user, form)
    return found[FIRST : FIRST + 7], Filled(**found[-1])


@pytest.mark.usefixtures("tickets", "letters", "moods")
def test_what_can_be_learned_too_and_replayed(studio: User, request_of: gr.Request) -> None:
    form = replace(Filled(**train_form.opened(request_of)[-1]), data="tickets")
    (more, shares, keep, share, hint, write, fold), form = drawn(studio, form)
    assert fold["open"], "keeping what it knew is advised"
    assert (more["choices"], more["value"], shares["visible"]) == (["moods"], [], False), "letters have another shape"
    assert [name for _, name in keep["choices"]] == [train_mix.OWN, train_mix.NOTHING, "moods", "letters"]
    assert (keep["value"], share["visible"], write["visible"]) == (train_mix.OWN, False, True)
    assert f"Let {form.base} write rows" in write["value"]
    assert "Nothing is replayed yet" in hint
    assert form.plan(studio).portions == (), "there is nothing to replay yet"
    (*_, fold), _ = drawn(studio, replace(form, keep=train_mix.NOTHING))
    assert "open" not in fold, "it stays as the person left it"


@pytest.mark.usefixtures("tickets", "letters", "moods")
def test_the_plan_and_its_card_have_them(studio: User, request_of: gr.Request) -> None:
    form = replace(Filled(**train_form.opened(request_of)[-1]), data="tickets", objective="sft", base="studio-nano")
    form = replace(form, more=("moods",), shares=train_mix.EQUALLY, keep="letters", share=0.2)
    (more, shares, keep, share, *_, fold), form = drawn(studio, form)
    assert fold["open"]
    assert (more["value"], shares["visible"], keep["value"], share["value"]) == (["moods"], True, "letters", 0.2)
    plan = form.plan(studio)
    task, other, replayed = plan.portions
    assert task.per_pass == other.per_pass
    assert replayed.per_pass == round(0.25 * (task.per_pass + other.per_pass))
    card = str(train_form.checked(request_of, form)[1])
    assert "“moods”: " in card
    assert "“letters” (replayed): " in card
    assert "20 % of the rows" in card


@pytest.mark.usefixtures("tickets", "letters", "moods")
def test_another_goal_or_other_data_leaves_out_what_no_longer_fits(studio: User, request_of: gr.Request) -> None:
    form = replace(Filled(**train_form.opened(request_of)[-1]), data="tickets", more=("moods",), keep="letters")
    _, same = drawn(studio, replace(form, data="moods"))
    assert (same.more, same.keep) == ((), "letters"), "what is learned first is not learned too"
    updates, other = drawn(
        studio, replace(form, objective="distill_features", teacher="studio-small", base="studio-nano")
    )
    assert (other.more, other.keep) == ((), train_mix.OWN)
    assert [update["visible"] for update in updates] == [False] * 7
    _, gone = drawn(studio, replace(form, more=("nowhere",), keep="nowhere"))
    assert (gone.more, gone.keep) == ((), train_mix.NOTHING), "nothing else is replayed instead"
    assert gone.plan(studio).portions == ()


@pytest.mark.usefixtures("letters", "moods")
def test_the_address_keeps_them(studio: User, tickets: Dataset, request_of: gr.Request, asking: Any) -> None:
    form = Filled(**train_form.opened(request_of)[-1])
    form = replace(form, more=("moods",), shares=train_mix.EQUALLY, keep="letters", share=0.2)
    kept = train_mix.in_address(form)
    assert kept == {"more": "moods", "shares": "equal", "keep": "letters", "share": "0.2"}
    read = train_address.read(asking(studio, **kept), Filled("sft", "studio-nano", "tickets", "lora"), tickets)
    assert (read.more, read.shares, read.keep, read.share) == (("moods",), "equal", "letters", 0.2)
    assert train_mix.of_address({"share": "much"}) == {}
    assert train_mix.of_address({"share": "7"}) == {"share": 0.8}


@pytest.mark.usefixtures("tickets", "letters", "moods")
def test_change_and_run_repeats_them(studio: User) -> None:
    plan = training.plan(
        studio,
        base="studio-nano",
        dataset="tickets",
        objective="sft",
        method="lora",
        weights={"tickets": 0.7, "moods": 0.3},
        replay={"letters": 0.3},
    )
    job = training.submit(studio, plan, name="both")
    found = rerun.reopened(studio, job)
    assert found is not None
    assert (found.form.more, found.form.shares, found.form.keep, found.form.share) == (
        *(("moods",), "equal", "letters", 0.3),
    )
    assert found.remarks == ["The job’s datasets had different weights; here their rows come up equally often."]


@pytest.fixture
def own(studio: User) -> Dataset:
    """Rows that the base wrote itself, as a worker leaves them."""
    job = self_replays.submit(studio, model="studio-nano", name="own")
    rows = b"".join(b'{"prompt": "what is %d?", "completion": "a number"}\n' % n for n in range(20))
    made = datasets.add(studio, uploads.save(studio, "own.jsonl", io.BytesIO(rows)), name="own")
    with db.writing() as session:
        session.get_one(Dataset, made.id).made_by_job_id = job.id
        row = session.get_one(Job, job.id)
        row.state, row.result = (
            JobState.SUCCEEDED,
            {"sentence": "It wrote 20 rows.", "dropped": [{"outcome": "without an end", "count": 3}]},
        )
    return made


@pytest.mark.usefixtures("tickets")
def test_rows_that_the_base_wrote_are_offered_first(studio: User, own: Dataset, request_of: gr.Request) -> None:
    form = replace(Filled(**train_form.opened(request_of)[-1]), data="tickets", base="studio-nano", objective="sft")
    (_, _, keep, share, hint, write, _), form = drawn(studio, replace(form, method="lora"))
    assert keep["choices"][0] == ("own · 20 rows that studio-nano wrote itself (advised)", train_mix.OWN)
    assert (keep["value"], share["visible"], write["visible"]) == (train_mix.OWN, True, False)
    assert form.plan(studio).portions[-1].replayed
    assert train_mix.in_address(form)["keep"] == ""
    assert drawn(studio, replace(form, keep="own"))[1].keep == train_mix.OWN, "as a link names them"
    other, _ = drawn(studio, replace(form, base="studio-small"))
    assert "none yet" in other[2]["choices"][0][0], "rows of another model are not the advice"
    without = replace(form, keep=train_mix.NOTHING)
    assert without.plan(studio).portions == ()
    assert train_mix.of_address(train_mix.in_address(without))["keep"] == train_mix.NOTHING
    random = drawn(studio, replace(form, method="from_scratch"))[1]
    assert random.plan(studio).portions == (), "it knows nothing that could be kept"
    for keep in (train_mix.NOTHING, "nowhere"):
        random = drawn(studio, replace(form, method="from_scratch", keep=keep))[1]
        assert (random.keep, random.plan(studio).portions) == (train_mix.OWN, ()), "there it is offered as nothing"
    assert 'href="data?data=own"' in hint
    job = jobs.get(studio, str(datasets.get(studio, "own").made_by_job_id))
    shown = str(outcomes.block(studio, job))
    assert 'href="train?base=studio-nano&amp;keep=own"' in shown
    assert "3 without an end" in shown


def test_the_button_queues_the_writing_and_leads_to_it(studio: User, request_of: gr.Request) -> None:
    _, link = train_mix.written(request_of, "studio-nano")
    job = jobs.get(studio, link.removeprefix("jobs?job="))
    assert (job.kind, job.name) == ("self_replay", "studio-nano-own-rows")
    model = job_inputs.of_job(job.id).model(Role.MODEL)
    assert model is not None
    assert model.name == "studio-nano"


def test_a_verdict_has_a_section_for_each_dataset() -> None:
    parts = [{"name": name, "verdict": {**VERDICT, "remarks": [f"remark on {name}"]}} for name in ("tickets", "moods")]
    joined = {**VERDICT, "verdict": "worse", "claim": "Better on “tickets”, worse on “moods”", "by_dataset": parts}
    shown = str(verdicts.block(joined))
    assert 'class="badge worse">Better on “tickets”, worse on “moods”.' in shown
    assert shown.index("<h3>tickets</h3>") < shown.index("remark on tickets") < shown.index("<h3>moods</h3>")
    assert shown.count("remark on moods") == 1


def test_hidden_choices_do_not_count() -> None:
    assert train_mix.filled("sft", ["moods"], "rows", "letters", 0.4)["more"] == ("moods",)
    hidden = train_mix.filled("distill_logits", ["moods"], "rows", "letters", 0.4)
    assert (hidden["more"], hidden["keep"]) == ((), train_mix.OWN)
