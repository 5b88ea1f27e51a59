"""Which pairs work follows from the declarations; what doesn't is refused everywhere in the same words."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from app.api import declarations
from app.pages import choices
from storage.data import datasets, uploads
from storage.models import User
from storage.planning import training
from templates import capabilities, registry
from templates.capabilities import Capability
from templates.errors import BadInput
from templates.recipe import compose
from templates.spec import BASE_BEHIND_ADAPTER, Method, Objective, Params, TrainingParams

MATRIX = capabilities.matrix()
ALL_WEIGHTS = Method(title="All", summary="All.", params=Params, trains="all_weights", key="all")
COMPARING = Objective(
    title="Compare",
    summary="Compares.",
    params=TrainingParams,
    row_shapes=("preference",),
    presets={"quick": {}, "balanced": {}, "thorough": {}},
    needs=(BASE_BEHIND_ADAPTER,),
    key="comparing",
)


def test_the_matrix_has_every_cell() -> None:
    assert len(MATRIX) == len(registry.objectives()) * len(registry.methods()) * 3
    assert all(any(c.why_not is None for c in MATRIX if c.objective == o) for o in registry.objectives())


@pytest.mark.parametrize("method", registry.methods())
def test_what_the_matrix_says_is_what_a_recipe_says(method: str) -> None:
    for cell in MATRIX:
        if cell.method == method:
            _is_what_a_recipe_says(cell)


def _is_what_a_recipe_says(cell: Capability) -> None:
    if cell.why_not is None:
        assert compose(cell.objective, cell.method, quantization=cell.quantization).method == cell.method
        return
    with pytest.raises(BadInput) as caught:
        compose(cell.objective, cell.method, quantization=cell.quantization)
    assert cell.why_not in str(caught.value), cell
    assert cell.instead, "a refusal says what to choose instead"
    assert cell.instead in str(caught.value)


def test_a_need_names_the_methods_that_meet_it() -> None:
    (problem,) = capabilities.refusals(COMPARING, ALL_WEIGHTS)
    assert problem.field == "method"
    assert "compares with the untouched base" in problem.message
    assert "lora" in str(problem.remedy)


def test_a_setting_that_takes_the_base_away_is_named() -> None:
    lora = registry.method("lora")
    assert capabilities.refusals(COMPARING, lora) == []
    (problem,) = capabilities.refusals(COMPARING, lora, settings={**lora.defaults, "init_lora_weights": "pissa"})
    assert problem.field == "init_lora_weights"
    assert "default" in str(problem.remedy)


def test_an_imprecise_base_is_refused_with_a_method_that_can() -> None:
    cell = next(c for c in MATRIX if (c.objective, c.method, c.quantization) == ("sft", "full", "nf4"))
    assert "lora" in str(cell.instead)


def test_the_reference_holds_the_matrix() -> None:
    told = declarations.catalogue()["capabilities"]
    assert len(told) == len(MATRIX)
    assert all(set(cell) == {"objective", "method", "quantization", "why_not", "instead"} for cell in told)


@pytest.mark.parametrize("objective", registry.objectives())
def test_the_form_offers_what_works(objective: str) -> None:
    able = {cell.method for cell in MATRIX if cell.objective == objective and cell.why_not is None}
    offered = {key for _, key in choices.ways(objective, experts=True) if not key.startswith(choices.RECIPE)}
    assert offered == able
    shown = {key for _, key in choices.ways(objective) if not key.startswith(choices.RECIPE)}
    assert shown == {key for key in able if not registry.method(key).is_expert} | {choices.EXPERT}
    assert (choices.left_out(objective) is None) == (offered == set(registry.methods()))


def test_a_plan_refuses_an_impossible_pair(studio: User) -> None:
    rows: list[dict[str, Any]] = [{"text": f"text {i}", "label": "ab"[i % 2]} for i in range(30)]
    upload = uploads.save(studio, "rows.jsonl", io.BytesIO("\n".join(map(json.dumps, rows)).encode()))
    data = datasets.add(studio, upload, name="rows")
    with pytest.raises(BadInput, match="does not work with quantization"):
        training.plan(studio, base="studio-nano", dataset=data.name, objective="sft", method="full", quantization="nf4")
