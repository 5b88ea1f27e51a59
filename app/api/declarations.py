"""The JSON that REST and `--json` return for what is declared: objectives, methods, row shapes and recipes."""

from __future__ import annotations

import dataclasses
from typing import Any

from templates import capabilities, recipe, registry
from templates.spec import Method, Objective, Params, RowShape


def catalogue() -> dict[str, Any]:
    """Every objective, method and row shape with its inputs, capabilities and help page."""
    return {
        "objectives": [of_objective(objective) for objective in registry.objectives().values()],
        "methods": [of_method(method) for method in registry.methods().values()],
        "shapes": [of_shape(shape) for shape in registry.shapes().values()],
        "capabilities": [dataclasses.asdict(cell) for cell in capabilities.matrix()],
    }


def of_objective(objective: Objective) -> dict[str, Any]:
    """The objective."""
    return {
        **_headline(objective),
        "page": objective.page,
        "goal": objective.goal or None,
        "without_teacher": list(objective.without_teacher),
        "row_shapes": list(objective.row_shapes),
        "trains_prompt": objective.trains_prompt,
        "mixes": objective.mixes,
        "roles": list(objective.roles),
        "takes": list(objective.takes),
        "same_vocabulary": objective.same_vocabulary,
        "metrics": [dataclasses.asdict(metric) for metric in objective.metrics],
        "cost": dataclasses.asdict(objective.cost),
        "presets": {name: dict(values) for name, values in objective.presets.items()},
        "parameters": parameters(objective.params),
    }


def of_method(method: Method) -> dict[str, Any]:
    """How weights change."""
    return {
        **_headline(method),
        "page": method.page,
        "trains": method.trains,
        "is_expert": method.is_expert,
        "changes": dict(method.changes),
        "peft_type": method.peft_type,
        "quantizations": list(method.quantizations),
        "mergeable": method.mergeable,
        "mixed_batch": method.mixes(method.defaults),
        "moves_base": method.moves_base(method.defaults),
        "exports_as_lora": method.exports_as_lora,
        "parameters": parameters(method.params),
    }


def of_shape(shape: RowShape) -> dict[str, Any]:
    """The fields of a row."""
    fields = [{"name": f.name, "title": f.title, "kind": f.kind, "required": f.required} for f in shape.fields]
    return {**_headline(shape), "metrics": list(shape.metrics), "fields": fields}


def _headline(spec: Objective | Method | RowShape) -> dict[str, Any]:
    return {"key": spec.key, "title": spec.title, "summary": spec.summary}


def parameters(params: type[Params]) -> list[dict[str, Any]]:
    """Each parameter with its name, title, help, type, default and bounds."""
    properties = params.model_json_schema()["properties"]
    return [{"name": name, **schema} for name, schema in properties.items()]


def recipes() -> list[dict[str, Any]]:
    """The named recipes, as TOML and parsed."""
    return [{"name": name, "toml": text, **recipe.read_toml(text, name)} for name, text in recipe.named().items()]
