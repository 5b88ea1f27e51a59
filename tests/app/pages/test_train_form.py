"""The training form: advised, checked, launched once."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, replace
from typing import Any

import gradio as gr
import pytest

from app.pages import choices, result_name, train, train_address, train_form, train_mix, train_parts
from app.pages.alerts import guarded
from app.pages.filled import Filled
from app.pages.train_form import FIXES, N_CHECKED, N_DRAWN
from storage.jobs import jobs, worker_rows
from storage.models import Dataset, User
from storage.planning import dataset_figures, figures
from templates import registry
from templates.quantities import size

launch = guarded(2)(train_form.launched)
check = guarded(N_CHECKED)(train_form.checked)


def filled(drawn: list[Any], **typed: Any) -> Filled:
    """The form as the handlers drew it, with what is typed over it."""
    form = Filled(**drawn[-1])
    return replace(form, values={**form.values, **typed})


def opened(request: gr.Request) -> tuple[list[Any], list[Any]]:
    shown = train_form.opened(request)
    return shown[:4], shown[4:]


def test_everything_advised_is_filled_in(studio: User, tickets: Dataset, asking: Any) -> None:
    (_, body, key, name), drawn = opened(asking(studio, data="tickets"))
    assert len(drawn) == N_DRAWN
    assert body["visible"]
    assert key
    assert name == "tickets-lora"
    able = registry.objectives_for("classification")
    assert [key for _, key in drawn[1]["choices"]] == list(dict.fromkeys(registry.goal_of(one.key) for one in able))
    assert drawn[1]["choices"][0][1] == "sft"
    assert drawn[4]["choices"][0] == ("LoRA — advised", "lora")
    assert ("QLoRA: LoRA on a 4-bit base", "recipe:qlora") in drawn[4]["choices"]
    assert filled(drawn).values["learning_rate"] == 0.002
    assert filled(drawn).values["r"] == 16
    assert not drawn[-2]["interactive"], "Launch waits until the settings listen"


def test_another_goal_comes_with_its_own_method(studio: User, letters: Dataset, asking: Any) -> None:
    _, drawn = opened(asking(studio, data="letters"))
    goals = [choice[1] for choice in drawn[1]["choices"]]
    assert goals == list(dict.fromkeys(registry.goal_of(one.key) for one in registry.objectives_for("text")))
    assert goals[:2] == ["continue_pretraining", "pretrain"]
    assert drawn[4]["value"] == "lora"
    before = filled(drawn)
    drawn = train_form.aimed(asking(studio), replace(before, objective="pretrain"), before)
    assert drawn[4]["value"] == "from_scratch"
    assert drawn[4]["choices"][0] == ("From scratch — advised", "from_scratch")
    form = filled(drawn)
    assert form.values["learning_rate"] == 0.02
    assert form.values["lr_scheduler_type"] == "warmup_stable_decay"
    assert "r" not in form.values, "only the settings of the chosen goal and method are there"
    _, card, *_ = check(asking(studio), form)
    assert "Before you launch" in card


def test_what_was_typed_comes_back_with_its_method(studio: User, tickets: Dataset, asking: Any) -> None:
    _, drawn = opened(asking(studio))
    typed = filled(drawn, r=64, learning_rate=7, lora_dropout=None)
    drawn = train_form.chosen(asking(studio), replace(typed, method="full"), typed)
    other = filled(drawn, weight_decay=0.5)
    assert other.method == "full"
    assert other.values["learning_rate"] != 7
    back = filled(train_form.chosen(asking(studio), replace(other, method="lora"), other))
    assert back.values == typed.values, "what can't be used stays too, and is told"
    assert check(asking(studio), back)[0].count("<li>") == 1
    again = filled(train_form.chosen(asking(studio), replace(back, method="full"), back))
    assert again.values["weight_decay"] == 0.5


def test_another_effort_keeps_what_it_does_not_set(studio: User, tickets: Dataset, asking: Any) -> None:
    _, drawn = opened(asking(studio))
    typed = filled(drawn, r=64, num_train_epochs=99.0)
    after = filled(train_form.tried(asking(studio), replace(typed, effort="quick"), typed))
    assert after.values["r"] == 64
    assert after.values["num_train_epochs"] == registry.objective("sft").presets["quick"]["num_train_epochs"]


def test_the_card_says_what_it_takes(studio: User, tickets: Dataset, asking: Any) -> None:
    _, drawn = opened(asking(studio))
    alert, card, fixes, _key, *buttons, _counting, _again = check(asking(studio), filled(drawn))
    assert alert == ""
    assert "Before you launch" in card
    assert "training rows" in card
    assert "≈" in card
    assert fixes == []
    assert len(buttons) == FIXES
    bare = replace(filled(drawn, max_length=20), instruction="")
    assert "tokens are cut off" in check(asking(studio), bare)[1]


def test_the_instruction_is_the_datasets_until_it_is_changed(
    studio: User, tickets: Dataset, letters: Dataset, asking: Any
) -> None:
    _, drawn = opened(asking(studio, data="tickets"))
    box = drawn[6]
    assert (box["visible"], box["value"]) == (True, tickets.instruction)
    assert tickets.instruction.startswith("Answer with one of: ")
    own = replace(filled(drawn), instruction="Be brief.")
    assert own.plan(studio).recipe.instruction == "Be brief."
    assert train_form.chosen(asking(studio), own, own)[6]["value"] == "Be brief."
    drawn = train_form.rebased(asking(studio), replace(own, data="letters"), own)
    assert (drawn[6]["visible"], drawn[6]["value"]) == (False, "")
    back = train_form.rebased(asking(studio), replace(filled(drawn), data="tickets"), filled(drawn))
    assert back[6]["value"] == tickets.instruction


def test_all_errors_at_once_by_their_titles(studio: User, tickets: Dataset, asking: Any) -> None:
    _, drawn = opened(asking(studio))
    alert, *rest = check(asking(studio), filled(drawn, learning_rate=-1, r=2.5))
    assert "Learning rate" in alert
    assert "Rank" in alert
    assert ("No estimate yet" in rest[0], rest[1]) == (True, [])
    alert, *_ = check(asking(studio), filled(drawn, learning_rate=None))
    assert "is empty" in alert


def test_a_double_click_is_one_job(studio: User, tickets: Dataset, asking: Any) -> None:
    (_, _, key, name), drawn = opened(asking(studio))
    first = launch(asking(studio), filled(drawn), key, name)
    second = launch(asking(studio), filled(drawn), key, name)
    assert first == second
    assert first[1] == f"jobs?job={jobs.of_user(studio)[0].id}"
    assert len(jobs.of_user(studio)) == 1
    (_, _, _, next_name), _ = opened(asking(studio))
    assert next_name == "tickets-lora-2"


def test_a_named_recipe_sets_its_precision(studio: User, tickets: Dataset, asking: Any) -> None:
    before = filled(opened(asking(studio))[1])
    form = filled(train_form.chosen(asking(studio), replace(before, method="recipe:qlora"), before))
    assert form.values["quantization"] == "nf4"
    assert form.plan(studio).recipe.quantization == "nf4"


def test_typed_settings_survive_another_base(studio: User, tickets: Dataset, asking: Any) -> None:
    typed = filled(opened(asking(studio))[1], r=64)
    again = filled(train_form.rebased(asking(studio), replace(typed, base="studio-nano"), typed))
    assert again.base == "studio-nano"
    assert again.values == typed.values


def test_a_job_that_does_not_fit_offers_its_remedy(studio: User, tickets: Dataset, asking: Any) -> None:
    gigabyte = 10**9
    worker_rows.register(
        device="cpu", slots=1, memory_total_bytes=gigabyte, memory_free_bytes=gigabyte, disk_free_bytes=50 * gigabyte
    )
    large = filled(opened(asking(studio))[1], per_device_train_batch_size=4096)
    alert, card, fixes, _key, *buttons, _counting, _again = check(asking(studio), large)
    assert "memory" in alert
    assert "does not fit" in card
    assert fixes
    assert buttons[0]["visible"]
    applied = filled(train_form.fixed(asking(studio), large, fixes[0]))
    assert check(asking(studio), applied)[0] == ""


def test_without_data_the_page_teaches(studio: User, asking: Any) -> None:
    (nothing, body, _, _), drawn = opened(asking(studio))
    assert 'href="data"' in nothing
    assert not body["visible"]
    assert len(drawn) == N_DRAWN


def test_an_event_brings_the_values_by_component(studio: User, tickets: Dataset, asking: Any) -> None:
    """What the browser sends is one value for each component of the drawn form."""
    before = filled(opened(asking(studio))[1])
    with gr.Blocks():
        top = train_parts.draw_choices()
        settings = train.SettingsForm.of("sft", "lora", before.values)
        settings.draw_shown()
        settings.draw_folded()
        precision = gr.Dropdown(["none", "nf4"], value="none")
        page = train.Page(
            gr.HTML(),
            top,
            train_parts.draw_start(),
            train_parts.draw_lens(),
            gr.Textbox(),
            gr.State(),
            gr.State(),
            gr.State(),
            gr.Textbox(),
            gr.Textbox(),
        )
    reading = train.Reading(page, before, settings, precision)
    sent = {component: getattr(component, "value", None) for component in reading.inputs}
    typed = ["sft", "studio-nano", "tickets", "lora", "quick", "Be brief.", "advised", None, "sft", None]
    sent |= dict(zip(top.all, [*typed, None, "rows", train_mix.NOTHING, 0.4], strict=True))
    sent |= {settings.components["r"]: 64, precision: "nf4"}
    form = reading.filled(sent)
    assert form.instruction == "Be brief."
    assert (form.base, form.effort, form.values["r"], form.values["quantization"]) == (
        "studio-nano",
        "quick",
        64,
        "nf4",
    )
    assert form.typed() == {"r": 64, "quantization": "nf4"}


def test_the_page_says_that_it_counts_and_shows_the_card_later(
    studio: User, tickets: Dataset, asking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset_figures, "SMALL_BYTES", 0)
    monkeypatch.setattr(figures, "SOON_S", 0.0)
    form = filled(opened(asking(studio))[1])
    alert, card, *_, counting, again = check(asking(studio), form)
    assert (alert, card) == ("", gr.skip()), "the figures of before stay"
    assert "Counting the tokens" in counting
    assert again.active
    until = time.monotonic() + 60
    while again.active:
        assert time.monotonic() < until
        _, card, *_, counting, again = check(asking(studio), form)
    assert "Before you launch" in card
    assert counting == ""


def test_the_name_follows_what_is_chosen_until_it_is_edited(
    studio: User, tickets: Dataset, letters: Dataset, asking: Any
) -> None:
    (_, _, _, name), drawn = opened(asking(studio, data="tickets"))
    form = filled(drawn)
    _, _, proposed = result_name.follow(asking(studio), asdict(form), name, "")
    assert (name, proposed) == ("tickets-lora", "tickets-lora")
    for changed, wanted in (
        (replace(form, method="full"), "tickets-full"),
        (replace(form, method="recipe:qlora"), "tickets-qlora"),
        (replace(form, data="letters"), "letters-lora"),
    ):
        assert result_name.follow(asking(studio), asdict(changed), name, proposed)[1:] == [wanted, wanted]
        assert result_name.follow(asking(studio), asdict(changed), "mine", proposed)[1:] == [gr.skip(), "tickets-lora"]


def test_unknown_data_or_base_in_a_link_is_named_and_replaced_in_words(
    studio: User, tickets: Dataset, asking: Any
) -> None:
    (wrong, body, _, _), drawn = opened(asking(studio, data="nope", base="nix"))
    assert body["visible"]
    for says in ("There is no dataset “nope”", "There is no base model “nix”", "opened with “tickets” instead"):
        assert says in wrong
    assert filled(drawn).data == "tickets"


def test_a_reload_keeps_choices_and_settings(studio: User, tickets: Dataset, asking: Any) -> None:
    typed = replace(filled(opened(asking(studio))[1], r=64, learning_rate=0.5), effort="quick")
    kept = json.loads(train_address.written(asking(studio), typed, "mine", "tickets-lora")[1])
    (_, _, _, name), drawn = opened(asking(studio, **kept))
    again = filled(drawn)
    assert name == "mine"
    assert (again.effort, again.values["r"], again.values["learning_rate"]) == ("quick", 64, 0.5)
    for broken in ("[1]", "{", '{"nope": 1, "r": {"a": 1}}'):
        assert filled(opened(asking(studio, data="tickets", settings=broken))[1]).values["r"] == 16
    assert filled(opened(asking(studio, goal="nope", method="nix", effort="x"))[1]).method == "lora"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("per_device_train_batch_size", 500, "only 54 rows to learn from"),
        ("gradient_accumulation_steps", 64, "more than the 54 rows"),
        ("learning_rate", 0.9, "450 times the advised 0.002"),
        ("learning_rate", 0.000001, "hardly learn anything"),
        ("num_train_epochs", 400, "by heart"),
        ("warmup_steps", 9000, "never reached"),
    ],
)
def test_a_setting_that_can_hardly_be_meant_is_said_at_its_field(
    studio: User, tickets: Dataset, asking: Any, name: str, value: Any, says: str
) -> None:
    form = replace(filled(opened(asking(studio, data="tickets"))[1], **{name: value}), base="studio-nano")
    alert, card, *_ = check(asking(studio), form)
    assert alert == ""
    line = card.partition(f'data-field="{name}"')[2].partition("</li>")[0]
    assert says in line


def test_advised_settings_are_never_unusual(studio: User, tickets: Dataset, asking: Any) -> None:
    for way in (key for _, key in choices.ways("sft")):
        card = check(asking(studio), filled(opened(asking(studio, data="tickets", method=way))[1]))[1]
        assert "data-field" not in card, way


def test_the_result_has_the_size_that_the_gallery_will_show(studio: User, tickets: Dataset, asking: Any) -> None:
    """5,460,971 bytes were published after this job on the smaller base."""
    form = replace(filled(opened(asking(studio, data="tickets"))[1]), base="studio-nano")
    estimate = form.plan(studio).estimate
    assert estimate.published_bytes == pytest.approx(5_460_971, rel=0.02)
    assert f"≈ {size(estimate.published_bytes)}" in check(asking(studio), form)[1]
