"""The training form: advised, checked, launched once."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest

from app.forms import SettingsForm
from app.pages.train_form import FIXES, N_TOP, TrainForm
from storage.jobs import jobs, worker_rows
from storage.models import Dataset, User


@pytest.fixture(scope="module")
def form() -> TrainForm:
    settings = SettingsForm()
    with gr.Blocks():
        settings.draw_shown()
        settings.draw_folded()
    return TrainForm(settings)


def values(form: TrainForm, drawn: list[Any], **typed: Any) -> list[Any]:
    """What the browser would send back: goal, base, data, method, effort, precision and the settings."""
    goal, base, data, method, effort = (d["value"] if isinstance(d, dict) else d for d in drawn[1 : 1 + N_TOP])
    settings = []
    for field, update in zip(form.settings.fields, drawn[-len(form.settings.fields) :], strict=True):
        settings.append(typed.get(field.name, update.get("value")))
    return [goal, base, data, method, effort, drawn[1 + N_TOP]["value"], *settings]


def opened(form: TrainForm, request: gr.Request) -> tuple[list[Any], list[Any]]:
    shown = form.open(request)
    return shown[:4], shown[4:]


def test_everything_advised_is_filled_in(form: TrainForm, studio: User, tickets: Dataset, asking: Any) -> None:
    (_, body, key, name), drawn = opened(form, asking(studio, data="tickets"))
    assert body["visible"]
    assert key
    assert name == "tickets-lora"
    assert [choice[1] for choice in drawn[1]["choices"]] == ["sft"]
    assert drawn[4]["choices"][0] == ("LoRA — advised", "lora")
    assert ("QLoRA: LoRA on a 4-bit base", "recipe:qlora") in drawn[4]["choices"]
    by_name = dict(zip([f.name for f in form.settings.fields], drawn[-len(form.settings.fields) :], strict=True))
    assert by_name["learning_rate"]["value"] == 0.002
    assert by_name["r"]["value"] == 16
    in_sight = [f.name for f in form.settings.fields if f.shown and by_name[f.name]["visible"]]
    assert 1 <= len(in_sight) <= 6


def test_another_goal_comes_with_its_own_method(form: TrainForm, studio: User, letters: Dataset, asking: Any) -> None:
    _, drawn = opened(form, asking(studio, data="letters"))
    goals = [choice[1] for choice in drawn[1]["choices"]]
    assert goals == ["continue_pretraining", "pretrain"]
    assert drawn[4]["value"] == "lora"
    _, base, data, method, effort = values(form, drawn)[:N_TOP]
    drawn = form.aim(asking(studio), "pretrain", base, data, method, effort)
    assert drawn[4]["value"] == "from_scratch"
    assert drawn[4]["choices"][0] == ("From scratch — advised", "from_scratch")
    by_name = dict(zip([f.name for f in form.settings.fields], drawn[-len(form.settings.fields) :], strict=True))
    assert by_name["learning_rate"]["label"] == "Learning rate of matrices (Muon)"
    assert by_name["lr_scheduler_type"]["value"] == "warmup_stable_decay"
    in_sight = [f.name for f in form.settings.fields if f.shown and by_name[f.name]["visible"]]
    assert 1 <= len(in_sight) <= 6
    _, card, *_ = form.check(asking(studio), *values(form, drawn))
    assert "Before you launch" in card


def test_the_card_says_what_it_takes(form: TrainForm, studio: User, tickets: Dataset, asking: Any) -> None:
    _, drawn = opened(form, asking(studio))
    alert, card, fixes, _key, *buttons = form.check(asking(studio), *values(form, drawn))
    assert alert == ""
    assert "Before you launch" in card
    assert "training rows" in card
    assert "≈" in card
    assert fixes == []
    assert len(buttons) == FIXES
    cut = values(form, drawn, max_length=20)
    assert "tokens are cut off" in form.check(asking(studio), *cut)[1]


def test_all_errors_at_once_by_their_titles(form: TrainForm, studio: User, tickets: Dataset, asking: Any) -> None:
    _, drawn = opened(form, asking(studio))
    alert, *rest = form.check(asking(studio), *values(form, drawn, learning_rate=-1, r=2.5))
    assert "Learning rate" in alert
    assert "Rank" in alert
    assert rest == [gr.skip()] * len(rest)
    alert, *_ = form.check(asking(studio), *values(form, drawn, learning_rate=None))
    assert "is empty" in alert


def test_a_double_click_is_one_job(form: TrainForm, studio: User, tickets: Dataset, asking: Any) -> None:
    (_, _, key, name), drawn = opened(form, asking(studio))
    first = form.launch(asking(studio), key, name, *values(form, drawn))
    second = form.launch(asking(studio), key, name, *values(form, drawn))
    assert first == second
    assert first[1] == f"jobs?job={jobs.of_user(studio)[0].id}"
    assert len(jobs.of_user(studio)) == 1
    (_, _, _, next_name), _ = opened(form, asking(studio))
    assert next_name == "tickets-lora-2"


def test_a_named_recipe_sets_its_precision(form: TrainForm, studio: User, tickets: Dataset, asking: Any) -> None:
    drawn = form.choose(asking(studio), "sft", "studio-nano", "tickets", "recipe:qlora", "quick")
    assert drawn[1 + N_TOP]["value"] == "nf4"


def test_typed_settings_survive_another_base(form: TrainForm, studio: User, tickets: Dataset, asking: Any) -> None:
    _, drawn = opened(form, asking(studio))
    advised = drawn[1 + N_TOP + 3]
    again = form.rebase(asking(studio), advised, *values(form, drawn, r=64))
    assert values(form, again)[6:] == values(form, drawn, r=64)[6:]


def test_a_job_that_does_not_fit_offers_its_remedy(
    form: TrainForm, studio: User, tickets: Dataset, asking: Any
) -> None:
    gigabyte = 10**9
    worker_rows.register(
        device="cpu", slots=1, memory_total_bytes=gigabyte, memory_free_bytes=gigabyte, disk_free_bytes=50 * gigabyte
    )
    _, drawn = opened(form, asking(studio))
    large = values(form, drawn, per_device_train_batch_size=4096)
    alert, card, fixes, _key, *buttons = form.check(asking(studio), *large)
    assert "memory" in alert
    assert "does not fit" in card
    assert fixes
    assert buttons[0]["visible"]
    applied = form.fixer(0)(asking(studio), fixes, *large)
    assert form.check(asking(studio), *values(form, applied))[0] == ""


def test_without_data_the_page_teaches(form: TrainForm, studio: User, asking: Any) -> None:
    (nothing, body, _, _), _ = opened(form, asking(studio))
    assert 'href="data"' in nothing
    assert not body["visible"]
