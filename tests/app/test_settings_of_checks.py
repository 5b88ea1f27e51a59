"""The form shows a check's settings only while the check is picked."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app import forms
from app.forms import SettingsForm
from templates.recipe import compose


def drawn(picked: list[str]) -> SettingsForm:
    params = compose("grpo", "lora").objective_params
    values: dict[str, Any] = {**params, "verifiers": picked}
    form = SettingsForm.of("grpo", "lora", values)
    with gr.Blocks():
        form.draw_shown()
        form.draw_folded()
        form.follow()
    return form


def test_settings_of_other_checks_are_hidden() -> None:
    form = drawn(["length", "number_equals"])
    visible = {name for name, one in form.components.items() if one.visible}
    assert {"verifiers", "max_words", "length_weight", "number_tolerance", "number_equals_weight"} <= visible
    assert not {"pattern", "json_schema", "label_only", "label_weight"} & visible
    alone = drawn(["length"])
    assert alone.components["max_words"].visible
    assert not alone.components["length_weight"].visible, "with one check, a weight of 1 says nothing"


def test_checks_are_offered_by_their_titles() -> None:
    choices = dict(drawn(["length"]).components["verifiers"].choices)
    assert choices["The row’s number"] == "number_equals"


def test_what_is_hidden_is_not_sent() -> None:
    raw = {"verifiers": ["label"], "max_words": 5.0, "pattern": "", "label_only": False, "num_generations": 8.0}
    assert forms.read("grpo", "lora", raw) == {"verifiers": ["label"], "label_only": False, "num_generations": 8}
