"""Every declared setting can be drawn, shown and read back."""

from __future__ import annotations

from itertools import product

import gradio as gr
import pytest

from app.forms import SettingsForm, declared, kind_of
from templates import recipe, registry
from templates.errors import BadInput


@pytest.fixture(scope="module")
def form() -> SettingsForm:
    made = SettingsForm()
    with gr.Blocks():
        made.draw_shown()
        made.draw_folded()
    return made


@pytest.mark.parametrize(("objective", "method"), list(product(registry.objectives(), registry.methods())))
def test_a_form_gives_back_the_recipe_it_was_given(form: SettingsForm, objective: str, method: str) -> None:
    advised = recipe.compose(objective, method)
    updates = form.updates(advised)
    values = [update.get("value") for update in updates]
    again = recipe.compose(objective, method, settings=form.settings(objective, method, values))
    assert again == advised
    shown = {field.name for field, update in zip(form.fields, updates, strict=True) if update["visible"]}
    assert shown == set(declared(objective, method))
    in_sight = [f for f, u in zip(form.fields, updates, strict=True) if u["visible"] and f.shown]
    assert len(in_sight) <= 6
    assert form.count_folded(objective, method) == len(shown) - len(in_sight)


def test_every_kind_is_drawn_by_its_component(form: SettingsForm) -> None:
    kinds = {"number": gr.Number, "switch": gr.Checkbox, "choice": gr.Dropdown, "text": gr.Textbox}
    for field in form.fields:
        assert isinstance(field.component, kinds[kind_of(field.info)])
        assert field.component.info


def test_what_is_empty_is_told_all_at_once(form: SettingsForm) -> None:
    values = [update.get("value") for update in form.updates(recipe.compose("sft", "lora"))]
    for name in ("r", "learning_rate"):
        values[[f.name for f in form.fields].index(name)] = None
    with pytest.raises(BadInput) as caught:
        form.settings("sft", "lora", values)
    assert {problem.field for problem in caught.value.problems} == {"r", "learning_rate"}


def test_broken_numbers_are_not_rounded(form: SettingsForm) -> None:
    values = [update.get("value") for update in form.updates(recipe.compose("sft", "lora"))]
    values[[f.name for f in form.fields].index("r")] = 2.5
    assert form.settings("sft", "lora", values)["r"] == 2.5
