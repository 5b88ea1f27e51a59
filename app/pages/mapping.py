"""The mapping: what a row of the file contains, and which column fills which field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.formats import count
from app.pages import data_views, mapping_views
from storage.data.datasets import Preview
from storage.models import Dataset
from templates import registry
from templates.quantities import plural

SLOTS = max(len(shape.fields) for shape in registry.shapes().values())
NOT_FILLED = ("– none –", "")


@dataclass(frozen=True)
class Choices:
    """The choices, each with its reason, and the outcome below."""

    lead: gr.HTML
    shape: gr.Dropdown
    slots: list[gr.Dropdown]
    whys: list[gr.HTML]
    """For each slot: the reason for this column, and its values."""
    facts: gr.HTML
    offer: gr.HTML
    switch: gr.Button
    fit: gr.HTML
    leave_out: gr.Checkbox

    @property
    def mapped(self) -> list[Any]:
        """The choices that turn the file into rows."""
        return [self.shape, *self.slots]

    @property
    def told(self) -> list[Any]:
        """Parts that are updated after every choice."""
        return [self.lead, *self.whys, self.facts, self.offer, self.switch, self.fit, self.leave_out]


def draw() -> Choices:
    """One dropdown for the shape and one for each field that a shape can have."""
    shapes = [(f"{shape.title} — {shape.summary}", key) for key, shape in registry.shapes().items()]
    lead = gr.HTML()
    offer = gr.HTML(elem_id="remembered")
    switch = gr.Button(visible=False, size="sm", elem_id="switch-mapping")
    shape = gr.Dropdown(shapes, label="Each row contains", elem_id="data-shape")
    facts = gr.HTML()
    slots, whys = [], []
    for i in range(SLOTS):
        with gr.Column(elem_classes="field", min_width=0):
            slots.append(gr.Dropdown([], visible=False, elem_id=f"field-{i}"))
            whys.append(gr.HTML(visible=False, elem_id=f"why-{i}"))
    fit = gr.HTML(elem_id="fit")
    leave_out = gr.Checkbox(visible=False, elem_id="leave-out")
    return Choices(lead, shape, slots, whys, facts, offer, switch, fit, leave_out)


def afresh(seen: Preview) -> list[Any]:
    """Updates of `Choices.mapped`: the shape, then a dropdown for each of its fields; spare ones are hidden."""
    names = [column.name for column in seen.look.columns]
    updates: list[Any] = [gr.update(value=seen.shape, interactive=True)]
    for field in seen.choice.fields:
        joined = [field.column] if field.column and field.column not in names else []
        columns = [(name, name) for name in joined + names]
        updates.append(
            gr.update(
                visible=True,
                interactive=True,
                label=f"{field.title} ({'required' if field.required else 'optional'})",
                choices=columns if field.required else [NOT_FILLED, *columns],
                value=field.column or (None if field.required else ""),
            )
        )
    return updates + [gr.update(visible=False, value=None)] * (SLOTS - len(seen.choice.fields))


def told(seen: Preview) -> list[Any]:
    """Updates of `Choices.told`, for a file."""
    whys = [gr.update(visible=True, value=mapping_views.why(field)) for field in seen.choice.fields]
    return [
        mapping_views.lead(),
        *whys,
        *[gr.update(visible=False, value="")] * (SLOTS - len(whys)),
        mapping_views.shape_reason(seen.choice),
        mapping_views.offer(seen),
        _switch(seen),
        mapping_views.fit(seen),
        _leave_out(seen),
    ]


def fixed(dataset: Dataset) -> list[Any]:
    """Updates of `Choices.mapped` and `Choices.told` for a stored dataset, whose choices are fixed."""
    hidden = gr.update(visible=False)
    shape = gr.update(value=dataset.shape, interactive=False)
    return [shape, *[hidden] * SLOTS, "", *[hidden] * SLOTS, data_views.facts(dataset), "", hidden, "", hidden]


def _switch(seen: Preview) -> Any:
    """The button between the remembered choices and the guess."""
    remembered, choice = seen.choice.remembered, seen.choice
    if remembered is None:
        return gr.update(visible=False)
    if not remembered.is_the(seen.shape, seen.mapping):
        return gr.update(visible=True, value=f"Choose as for “{remembered.dataset}”")
    return gr.update(visible=not choice.is_guess, value="Use the guess instead")


def _leave_out(seen: Preview) -> Any:
    """The box to tick where some rows can't be learned from and the others can; never ticked beforehand."""
    left_out = plural(seen.n_refused, "row")
    words = f"Leave out {left_out} that the model can't learn from, and use the other {count(seen.n_rows)}"
    return gr.update(visible=seen.goes_in_without_them, value=False, label=words)


def chosen(shape: str, slots: tuple[Any, ...]) -> dict[str, str]:
    """Field → column for every field of the shape; a field set to “none” maps to an empty string."""
    return {field.name: str(column or "") for field, column in zip(registry.shape(shape).fields, slots, strict=False)}
