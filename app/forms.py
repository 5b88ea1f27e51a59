"""Draws settings from their declarations; the only file that knows both pydantic and Gradio.

A form holds the settings of one objective and one method, and is redrawn for another pair. A new
method's settings therefore appear without page code, and the declaration validates them as it does
everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import gradio as gr
from pydantic.fields import FieldInfo

from templates import registry
from templates.errors import Problem, refuse

Kind = Literal["number", "switch", "choice", "several", "numbers", "text"]
"""`several`: any of a few words. `numbers`: a list of numbers, separated by commas."""
Component = gr.Number | gr.Checkbox | gr.Dropdown | gr.Textbox


def kind_of(info: FieldInfo) -> Kind:
    """Which component draws a field."""
    if info.annotation is bool:
        return "switch"
    if info.annotation in (int, float):
        return "number"
    if get_origin(info.annotation) is list:
        (item,) = get_args(info.annotation)
        return "several" if get_origin(item) is Literal else "numbers"
    return "choice" if get_origin(info.annotation) is Literal else "text"


def _extra(info: FieldInfo) -> Mapping[str, Any]:
    return info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}


def is_folded(info: FieldInfo) -> bool:
    """Whether forms fold the field away at first."""
    return not _extra(info).get("shown")


def label_of(name: str, info: FieldInfo) -> str:
    """Title and unit."""
    unit = _extra(info).get("unit")
    return f"{info.title or name} ({unit})" if unit else info.title or name


def declared(objective: str, method: str) -> dict[str, FieldInfo]:
    """An objective's and a method's settings, by name."""
    return {
        **registry.objective(objective).params.model_fields,
        **registry.method(method).params.model_fields,
    }


def shown(info: FieldInfo, value: Any) -> Any:
    """A setting's value as its component shows it."""
    return ", ".join(f"{number:g}" for number in value) if kind_of(info) == "numbers" else value


def read(objective: str, method: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """The components' settings, without those that the others make idle. Raises `BadInput` naming those left empty."""
    known, idle = declared(objective, method), registry.objective(objective).params.idle_with(raw)
    given = {name: value for name, value in raw.items() if name in known and name not in idle}
    empty = [name for name, value in given.items() if _is_empty(known[name], value)]
    refuse([Problem("is empty.", field=name, remedy="Type a value.") for name in empty])
    return {name: _plain(known[name], value) for name, value in given.items()}


def _is_empty(info: FieldInfo, value: Any) -> bool:
    """Whether a value is missing; a list may be empty unless its declaration has bounds."""
    return value is None or value == "" or (value == [] and bool(info.metadata))


def _plain(info: FieldInfo, value: Any) -> Any:
    """Drops the `.0` that the browser adds to whole numbers, and parses lists of numbers."""
    if kind_of(info) == "numbers" and isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@dataclass(frozen=True)
class SettingsForm:
    """The components of one objective's and one method's settings, by name, once they are drawn."""

    objective: str
    method: str
    values: Mapping[str, Any]
    """As components show them; a setting without a value is not drawn."""
    components: dict[str, Component]

    @classmethod
    def of(cls, objective: str, method: str, values: Mapping[str, Any]) -> SettingsForm:
        """A form that has not been drawn yet."""
        return cls(objective, method, values, {})

    def draw_shown(self) -> None:
        """Make the components that are always visible."""
        self._draw(self.names(folded=False))

    def draw_folded(self) -> None:
        """Make the rest."""
        self._draw(self.names(folded=True))

    def names(self, *, folded: bool) -> list[str]:
        """The folded or the visible settings, in the order of their declarations."""
        known = declared(self.objective, self.method)
        return [name for name, info in known.items() if name in self.values and is_folded(info) is folded]

    def raw(self, values: Mapping[Any, Any]) -> dict[str, Any]:
        """The components' values by name, picked from an event's values."""
        return {name: values[component] for name, component in self.components.items()}

    def follow(self) -> None:
        """Show settings that belong to a choice only while it is made; call it once all are drawn."""
        known = declared(self.objective, self.method)
        choosers = [name for name in self.components if kind_of(known[name]) == "several"]
        idle_without = registry.objective(self.objective).params.idle_with({})
        dependent = [name for name in self.components if name in idle_without]
        if not (choosers and dependent):
            return

        def shown_with(*chosen: Any) -> list[Any]:
            idle = self._idle({**self.values, **dict(zip(choosers, chosen, strict=True))})
            return [gr.update(visible=name not in idle) for name in dependent]

        made = self.components
        gr.on(
            [made[name].change for name in choosers],
            shown_with,
            [made[name] for name in choosers],
            [made[name] for name in dependent],
            queue=False,
            show_progress="hidden",
        )

    def _idle(self, values: Mapping[str, Any]) -> frozenset[str]:
        return registry.objective(self.objective).params.idle_with(values)

    def _draw(self, names: Sequence[str]) -> None:
        known, idle = declared(self.objective, self.method), self._idle(self.values)
        for name in names:
            self.components[name] = component(name, known[name], self.values[name], visible=name not in idle)


def component(name: str, info: FieldInfo, value: Any, *, visible: bool = True) -> Component:
    """The component for one setting."""
    common: dict[str, Any] = {
        "label": label_of(name, info),
        "info": info.description,
        "interactive": True,
        "elem_id": f"setting-{name}",
        "value": value,
        "visible": visible,
    }
    kind = kind_of(info)
    if kind == "switch":
        return gr.Checkbox(**common)
    if kind == "number":
        return gr.Number(min_width=150, **common)
    if kind == "choice":
        return gr.Dropdown(choices=list(get_args(info.annotation)), min_width=150, **common)
    if kind == "several":
        (item,) = get_args(info.annotation)
        titles = _extra(info).get("titles", {})
        named = [(titles.get(key, key), key) for key in get_args(item)]
        return gr.Dropdown(choices=named, multiselect=True, min_width=150, **common)
    return gr.Textbox(min_width=150, lines=_extra(info).get("lines", 1), **common)
