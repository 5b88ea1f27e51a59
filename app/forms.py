"""Draws settings from their declarations; the only file that knows both pydantic and Gradio.

Every setting of every objective and method is one component, made once when the page is built; a
choice of objective and method shows those that belong to it. So a new method's settings appear
without a line of page code, and what a form holds is checked where everything is checked: by the
declaration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import gradio as gr
from pydantic.fields import FieldInfo

from templates import registry
from templates.errors import Problem, refuse
from templates.recipe import Recipe
from templates.spec import Params

Kind = Literal["number", "switch", "choice", "text"]


def kind_of(info: FieldInfo) -> Kind:
    """Which component draws a field."""
    if info.annotation is bool:
        return "switch"
    if info.annotation in (int, float):
        return "number"
    return "choice" if get_origin(info.annotation) is Literal else "text"


def _extra(info: FieldInfo) -> Mapping[str, Any]:
    return info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}


def label_of(name: str, info: FieldInfo) -> str:
    """Title and unit."""
    unit = _extra(info).get("unit")
    return f"{info.title or name} ({unit})" if unit else info.title or name


@dataclass(frozen=True)
class Drawn:
    """One setting's component. Declarations that share name and kind share it."""

    name: str
    kind: Kind
    shown: bool
    info: FieldInfo
    component: gr.Number | gr.Checkbox | gr.Dropdown | gr.Textbox


class SettingsForm:
    """The settings of every objective and method; `draw_shown` and `draw_folded` place them on a page."""

    def __init__(self) -> None:
        self.fields: list[Drawn] = []

    def draw_shown(self) -> None:
        """Make the components that are always in sight."""
        self._draw(shown=True)

    def draw_folded(self) -> None:
        """Make the rest."""
        self._draw(shown=False)

    @property
    def components(self) -> list[Any]:
        """Every component, in the order in which values come and go."""
        return [field.component for field in self.fields]

    def updates(self, recipe: Recipe) -> list[Any]:
        """Show the settings of `recipe`'s objective and method, with its values."""
        values = {**recipe.objective_params, **recipe.method_params}
        active = declared(recipe.objective, recipe.method)
        return [
            _update(field, active[field.name], values[field.name])
            if _belongs(field, active)
            else gr.update(visible=False)
            for field in self.fields
        ]

    def settings(self, objective: str, method: str, values: Sequence[Any]) -> dict[str, Any]:
        """What the form holds for this choice. Raises `BadInput` for settings left empty."""
        active = declared(objective, method)
        given = {f.name: value for f, value in zip(self.fields, values, strict=True) if _belongs(f, active)}
        refuse(
            [Problem("is empty.", field=name, remedy="Type a value.") for name, v in given.items() if v in (None, "")]
        )
        return {name: _plain(value) for name, value in given.items()}

    def count_folded(self, objective: str, method: str) -> int:
        """How many settings of this choice are folded away."""
        active = declared(objective, method)
        return sum(1 for field in self.fields if not field.shown and _belongs(field, active))

    def _draw(self, shown: bool) -> None:
        for name, info in _distinct(shown):
            made = _component(name, info)
            self.fields.append(Drawn(name, kind_of(info), shown, info, made))


def declared(objective: str, method: str) -> dict[str, FieldInfo]:
    """The settings of an objective and a method, by name."""
    return {
        **registry.objective(objective).params.model_fields,
        **registry.method(method).params.model_fields,
    }


def _all_params() -> list[type[Params]]:
    return [
        *(objective.params for objective in registry.objectives().values()),
        *(method.params for method in registry.methods().values()),
    ]


def _distinct(shown: bool) -> list[tuple[str, FieldInfo]]:
    """Every (name, kind) once, if some declaration shows it (or, for not shown, if none does)."""
    found: dict[tuple[str, Kind], FieldInfo] = {}
    in_sight: set[tuple[str, Kind]] = set()
    for params in _all_params():
        for name, info in params.model_fields.items():
            key = (name, kind_of(info))
            found.setdefault(key, info)
            if _extra(info).get("shown"):
                in_sight.add(key)
    return [(key[0], info) for key, info in found.items() if (key in in_sight) == shown]


def _belongs(field: Drawn, active: Mapping[str, FieldInfo]) -> bool:
    return field.name in active and kind_of(active[field.name]) == field.kind


def _component(name: str, info: FieldInfo) -> gr.Number | gr.Checkbox | gr.Dropdown | gr.Textbox:
    common: dict[str, Any] = {
        "label": label_of(name, info),
        "info": info.description,
        "interactive": True,
        "visible": False,
        "elem_id": f"setting-{name}",
    }
    kind = kind_of(info)
    if kind == "switch":
        return gr.Checkbox(value=bool(info.default), **common)
    if kind == "number":
        return gr.Number(value=info.default, min_width=150, **common)
    if kind == "choice":
        return gr.Dropdown(choices=list(get_args(info.annotation)), value=info.default, min_width=150, **common)
    return gr.Textbox(value=str(info.default or ""), min_width=150, **common)


def _update(field: Drawn, info: FieldInfo, value: Any) -> Any:
    changes: dict[str, Any] = {"label": label_of(field.name, info), "info": info.description}
    if field.kind == "choice":
        changes["choices"] = list(get_args(info.annotation))
    return gr.update(visible=True, value=value, **changes)


def _plain(value: Any) -> Any:
    """A whole number as the browser sends it, without its `.0`."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
