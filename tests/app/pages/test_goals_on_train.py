"""The Train form groups objectives that are ways to one goal."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest

from app.pages import goals, rerun, train_address, train_form
from app.pages.filled import Filled
from app.pages.train_form import N_DRAWN
from storage.data import datasets, uploads
from storage.models import Dataset, User
from storage.planning import training
from templates import registry

GOAL, BASE, METHOD, TEACHER, HOW, ASK = 1, 2, 4, 8, 9, 19
"""Places among the outputs of what redraws the form."""
LARGER = "learn_from_larger"


@pytest.fixture
def prompts(studio: User) -> Dataset:
    """Prompts without answers."""
    file = io.BytesIO(b"".join(b'{"prompt": "Where is parcel %d?"}\n' % i for i in range(30)))
    return datasets.add(studio, uploads.save(studio, "p.jsonl", file), name="prompts", shape="prompt_only")


def aimed(request: gr.Request, goal: str) -> list[Any]:
    """The form after a click on a goal, as the page's event brings it."""
    before = Filled(**train_form.opened(request)[-1])
    form = replace(before, objective=goals.chosen(goal, before.objective))
    return train_form.aimed(request, form, before)


def keys(update: Any) -> list[str]:
    return [key for _, key in update["choices"]]


def test_one_goal_stands_for_all_its_ways(studio: User, tickets: Dataset, asking: Any) -> None:
    drawn = train_form.opened(asking(studio))[4:]
    assert len(drawn) == N_DRAWN
    assert LARGER in keys(drawn[GOAL])
    assert not {way.key for way in registry.ways_to(LARGER)} & set(keys(drawn[GOAL]))
    assert not drawn[HOW]["visible"], "supervised fine-tuning stands alone"
    drawn = aimed(asking(studio), LARGER)
    assert (drawn[GOAL]["value"], drawn[HOW]["value"], drawn[HOW]["visible"]) == (LARGER, "distill_logits", True)
    assert keys(drawn[HOW])[0] == "distill_logits", "the advised way comes first"
    assert set(keys(drawn[HOW])) == {way.key for way in registry.ways_to(LARGER) if "classification" in way.row_shapes}
    assert all(" — " in words for words, _ in drawn[HOW]["choices"]), "each has its sentence"
    assert "A smaller copy of the base" in drawn[HOW]["info"]


def test_student_and_teacher_are_proposed_the_right_way_round(studio: User, tickets: Dataset, asking: Any) -> None:
    drawn = aimed(asking(studio), LARGER)
    assert (drawn[BASE]["label"], drawn[BASE]["value"]) == ("Student", "studio-nano")
    assert drawn[TEACHER]["value"] == "studio-small"
    assert drawn[ASK]["visible"]
    chosen = replace(Filled(**train_form.opened(asking(studio, base="studio-nano"))[-1]), objective="distill_text")
    assert train_form.aimed(asking(studio), chosen, replace(chosen, objective="sft"))[BASE]["value"] == "studio-nano"
    back = train_form.aimed(asking(studio), replace(chosen, objective="sft"), chosen)
    assert (back[BASE]["label"], back[ASK]["visible"]) == ("Base model", False)


def test_a_smaller_copy_learns_from_the_model_that_it_is_a_copy_of(studio: User, tickets: Dataset, asking: Any) -> None:
    drawn = aimed(asking(studio), LARGER)
    assert keys(drawn[METHOD])[:2] == ["lora", "fewer_layers"], "right after the advised one"
    form = replace(Filled(**drawn[-1]), base="studio-small")
    itself = Filled(**train_form.rebased(asking(studio), form, Filled(**drawn[-1]))[-1])
    assert itself.teacher == "studio-small", "nothing is exchanged silently"
    refused = str(train_form.checked(asking(studio), itself)[0])
    assert "would learn from itself" in refused
    assert "fewer_layers" in refused
    copied = Filled(**train_form.chosen(asking(studio), replace(itself, method="fewer_layers"), itself)[-1])
    alert, card, *_ = train_form.checked(asking(studio), copied)
    assert alert == ""
    assert "The teacher “studio-small” reads the rows first" in str(card)
    anew = replace(copied, teacher="")
    assert Filled(**train_form.drawn(studio, anew)[-1]).teacher == "studio-small"


def test_another_way_keeps_the_method_that_was_chosen(studio: User, tickets: Dataset, asking: Any) -> None:
    form = Filled(**aimed(asking(studio), LARGER)[-1])
    turned = train_form.turned(asking(studio), replace(form, objective="distill_features"), form)
    assert turned[METHOD]["value"] == "full", "the advised one gives way to the advised one"
    copy = replace(form, method="fewer_layers")
    turned = train_form.turned(asking(studio), replace(copy, objective="distill_on_policy"), copy)
    assert (turned[HOW]["value"], turned[METHOD]["value"]) == ("distill_on_policy", "fewer_layers")


def test_ways_that_the_data_rules_out_are_named(studio: User, letters: Dataset, asking: Any) -> None:
    drawn = train_form.opened(asking(studio, data="letters", objective="distill_features"))[4:]
    unfit = [way for way in registry.ways_to(LARGER) if "text" not in way.row_shapes]
    assert unfit
    assert all(way.title in drawn[HOW]["info"] for way in unfit)
    assert Filled(**drawn[-1]).objective in keys(drawn[HOW])


def test_prompts_alone_open_on_a_teacher_and_a_smaller_student(studio: User, prompts: Dataset, asking: Any) -> None:
    form = Filled(**train_form.opened(asking(studio, data="prompts"))[-1])
    assert "prompt_only" in registry.objective(form.objective).row_shapes
    assert (form.base, form.teacher) == ("studio-nano", "studio-small")


def test_other_data_keeps_the_goal_and_changes_the_way(
    studio: User, tickets: Dataset, letters: Dataset, asking: Any
) -> None:
    form = Filled(**aimed(asking(studio, data="tickets"), LARGER)[-1])
    form = replace(form, objective="distill_on_policy")
    moved = train_form.rebased(asking(studio), replace(form, data="letters"), form)
    assert moved[GOAL]["value"] == LARGER
    assert Filled(**moved[-1]).objective == keys(moved[HOW])[0] != "distill_on_policy"


@pytest.mark.parametrize(
    ("query", "objective"),
    [
        ({"objective": "distill_features"}, "distill_features"),
        ({"goal": "distill_features"}, "distill_features"),
        ({"goal": LARGER}, "distill_logits"),
        ({"objective": LARGER}, "distill_logits"),
        ({"objective": "nope"}, "sft"),
    ],
)
def test_an_address_names_a_way_or_a_goal(
    studio: User, tickets: Dataset, asking: Any, query: dict[str, str], objective: str
) -> None:
    form = Filled(**train_form.opened(asking(studio, data="tickets", **query))[-1])
    assert form.objective == objective


def test_a_reload_shows_the_same_way(studio: User, tickets: Dataset, asking: Any) -> None:
    form = Filled(**aimed(asking(studio), LARGER)[-1])
    form = replace(form, objective="distill_on_policy", method="lora")
    kept = json.loads(train_address.written(asking(studio), form, "n", "n")[1])
    assert (kept["objective"], kept["goal"]) == ("distill_on_policy", "")
    again = train_form.opened(asking(studio, **{name: value for name, value in kept.items() if value}))[4:]
    assert (again[GOAL]["value"], again[HOW]["value"]) == (LARGER, "distill_on_policy")


def test_change_and_run_opens_at_the_way(studio: User, tickets: Dataset, asking: Any) -> None:
    form = Filled(**aimed(asking(studio), LARGER)[-1])
    form = Filled(**train_form.turned(asking(studio), replace(form, objective="distill_text"), form)[-1])
    job = training.submit(studio, form.plan(studio), name="by-text")
    drawn = rerun.opened(asking(studio, **{"from": job.id}))[4:]
    assert (drawn[GOAL]["value"], drawn[HOW]["value"]) == (LARGER, "distill_text")


def test_settings_of_writing_show_only_where_a_teacher_writes(
    studio: User, tickets: Dataset, prompts: Dataset, asking: Any
) -> None:
    writing = {"filters", "max_new_tokens", "teacher_temperature", "num_return_sequences", "top_p", "min_agreement"}
    wanted = {"objective": "distill_logits", "settings": json.dumps({"filters": ["length"], "max_characters": 90})}
    bare = Filled(**train_form.opened(asking(studio, data="prompts", **wanted))[-1])
    assert writing <= set(bare.values)
    assert (bare.values["filters"], bare.values["max_characters"]) == (["length"], 90)
    labelled = Filled(**train_form.rebased(asking(studio), replace(bare, data="tickets"), bare)[-1])
    assert not writing & set(labelled.values)
    assert {"teacher_quantization", "draws"} <= set(labelled.values)
    assert labelled.plan(studio).recipe.objective_params["filters"] != ["length"], "nothing hidden is sent"
    again = Filled(**train_form.rebased(asking(studio), replace(labelled, data="prompts"), labelled)[-1])
    assert again.values["filters"] == ["length"], "what was typed comes back with the data"


def test_a_list_survives_in_the_address(studio: User, prompts: Dataset, asking: Any) -> None:
    form = Filled(**train_form.opened(asking(studio, data="prompts", objective="distill_text"))[-1])
    typed = replace(form, values={**form.values, "filters": ["cut_off", "length"]})
    kept = json.loads(train_address.written(asking(studio), typed, "", "")[1])
    assert Filled(**train_form.opened(asking(studio, **kept))[-1]).values["filters"] == ["cut_off", "length"]
    broken = {**kept, "settings": json.dumps({"filters": [["cut_off"]]})}
    assert Filled(**train_form.opened(asking(studio, **broken))[-1]).values["filters"] == form.values["filters"]
