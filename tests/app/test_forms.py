"""Every declared setting can be drawn, and read back as it was drawn."""

from __future__ import annotations

from itertools import product
from typing import Any

import gradio as gr
import pytest

from app import forms
from app.forms import SettingsForm, declared, kind_of
from templates import capabilities, recipe, registry
from templates.errors import BadInput
from templates.recipe import Recipe

PAIRS = [
    (objective, method)
    for objective, method in product(registry.objectives(), registry.methods())
    if not capabilities.refusals(registry.objective(objective), registry.method(method))
]
LONG = [pair for pair in PAIRS if pair[0] != "sft" and pair[1] != "lora"]


def drawn(made: Recipe) -> SettingsForm:
    """The form of a recipe's goal and method, with the recipe's values."""
    known = declared(made.objective, made.method)
    values = {**made.objective_params, **made.method_params}
    form = SettingsForm.of(
        made.objective, made.method, {name: forms.shown(known[name], value) for name, value in values.items()}
    )
    with gr.Blocks():
        form.draw_shown()
        form.draw_folded()
    return form


@pytest.mark.parametrize(
    ("objective", "method"), [pytest.param(*pair, marks=[pytest.mark.long] * (pair in LONG)) for pair in PAIRS]
)
def test_a_form_gives_back_the_recipe_it_was_given(objective: str, method: str) -> None:
    advised = recipe.compose(objective, method)
    form = drawn(advised)
    assert set(form.components) == set(declared(objective, method)), "only the chosen pair's settings are there"
    sent: dict[Any, Any] = {component: component.value for component in form.components.values()}
    again = recipe.compose(objective, method, settings=forms.read(objective, method, form.raw(sent)))
    assert again == advised
    in_sight = form.names(folded=False)
    idle = registry.objective(objective).params.idle_with(advised.objective_params)
    assert 1 <= len(set(in_sight) - idle) <= 6
    assert len(in_sight) + len(form.names(folded=True)) == len(form.components)


def test_every_kind_is_drawn_by_its_component() -> None:
    kinds = {
        "number": gr.Number,
        "switch": gr.Checkbox,
        "choice": gr.Dropdown,
        "several": gr.Dropdown,
        "numbers": gr.Textbox,
        "text": gr.Textbox,
    }
    for objective, method in (pair for pair in PAIRS if "lora" in pair):
        known = declared(objective, method)
        for name, component in drawn(recipe.compose(objective, method)).components.items():
            assert isinstance(component, kinds[kind_of(known[name])])
            assert component.info
            assert component.interactive


def test_what_is_empty_is_told_all_at_once() -> None:
    made = recipe.compose("sft", "lora")
    raw = {**made.objective_params, **made.method_params, "r": None, "learning_rate": None}
    with pytest.raises(BadInput) as caught:
        forms.read("sft", "lora", raw)
    assert {problem.field for problem in caught.value.problems} == {"r", "learning_rate"}


def test_broken_numbers_are_not_rounded() -> None:
    assert forms.read("sft", "lora", {"r": 2.5})["r"] == 2.5
    assert forms.read("sft", "lora", {"r": 2.0}) == {"r": 2}
