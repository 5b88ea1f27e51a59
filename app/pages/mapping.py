"""The mapping: what a row of the file contains, and which column fills which field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.formats import count
from app.pages import data_views, mapping_views
from storage.data.datasets import Preview
from storage.data.mappings import FieldChoice
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
    more: list[gr.Dropdown]
    """For each slot: further columns, whose texts are joined with the first one's."""
    whys: list[gr.HTML]
    """For each slot: the reason for this column, and its values."""
    facts: gr.HTML
    offer: gr.HTML
    switch: gr.Button
    fit: gr.HTML
    leave_out: gr.Checkbox
    replace: gr.Checkbox

    @property
    def mapped(self) -> list[Any]:
        """The choices that turn the file into rows."""
        return [self.shape, *self.slots, *self.more]

    @property
    def told(self) -> list[Any]:
        """Parts that are updated after every choice."""
        beside = [self.lead, *self.whys, self.facts, self.offer, self.switch, self.fit]
        return [*beside, self.leave_out, self.replace]


def draw_leaving_out() -> tuple[gr.Checkbox, gr.Checkbox]:
    """The boxes that let a file in despite some of its rows, for a place beside the alert and “Use this data”."""
    leave_out = gr.Checkbox(visible=False, elem_id="leave-out")
    return leave_out, gr.Checkbox(visible=False, elem_id="replace-unreadable")


def draw(leave_out: gr.Checkbox, replace: gr.Checkbox) -> Choices:
    """One dropdown for the shape, and for each field that a shape can have one for its column and one for more."""
    shapes = [(f"{shape.title} — {shape.summary}", key) for key, shape in registry.shapes().items()]
    lead = gr.HTML()
    offer = gr.HTML(elem_id="remembered")
    switch = gr.Button(visible=False, size="sm", elem_id="switch-mapping")
    shape = gr.Dropdown(shapes, label="Each row contains", elem_id="data-shape")
    facts = gr.HTML()
    slots, more, whys = [], [], []
    for i in range(SLOTS):
        with gr.Column(elem_classes="field", min_width=0):
            slots.append(gr.Dropdown([], visible=False, elem_id=f"field-{i}"))
            more.append(gr.Dropdown([], visible=False, multiselect=True, elem_id=f"more-{i}"))
            whys.append(gr.HTML(visible=False, elem_id=f"why-{i}"))
    fit = gr.HTML(elem_id="fit")
    return Choices(lead, shape, slots, more, whys, facts, offer, switch, fit, leave_out, replace)


def afresh(seen: Preview) -> list[Any]:
    """Updates of `Choices.mapped`: the shape, then the dropdowns for each of its fields; spare ones are hidden."""
    names = [column.name for column in seen.look.columns]
    slots, more = [], []
    for field in seen.choice.fields:
        columns = [(name, name) for name in names]
        slots.append(
            gr.update(
                visible=True,
                interactive=True,
                label=f"{field.title} ({'required' if field.required else 'optional'})",
                choices=columns if field.required else [NOT_FILLED, *columns],
                value=field.columns[0] if field.columns else (None if field.required else ""),
            )
        )
        more.append(_more(seen, field))
    spare = SLOTS - len(slots)
    slots += [gr.update(visible=False, value=None) for _ in range(spare)]
    more += [gr.update(visible=False, value=[]) for _ in range(spare)]
    return [gr.update(value=seen.shape, interactive=True), *slots, *more]


def _more(seen: Preview, field: FieldChoice) -> Any:
    """The dropdown of further columns, for a text that can be made of several."""
    shape = registry.shape(seen.shape)
    declared = next(one for one in shape.fields if one.name == field.field)
    is_label = "label_accuracy" in shape.metrics and declared is [one for one in shape.fields if one.required][-1]
    able = declared.kind == "prompt" or (declared.kind == "text" and declared.required and not is_label)
    names = [column.name for column in seen.look.columns]
    return gr.update(
        visible=(able and len(names) > len(field.columns[:1]) + 1) or len(field.columns) > 1,
        interactive=True,
        label=f"Join with {field.title.lower()} (optional)",
        choices=names,
        value=field.columns[1:],
    )


def told(seen: Preview) -> list[Any]:
    """Updates of `Choices.told`, for a file."""
    whys = [gr.update(visible=True, value=mapping_views.why(field)) for field in seen.choice.fields]
    return [
        mapping_views.lead(),
        *whys,
        *(gr.update(visible=False, value="") for _ in range(SLOTS - len(whys))),
        mapping_views.shape_reason(seen.choice),
        mapping_views.offer(seen),
        _switch(seen),
        mapping_views.fit(seen),
        _leave_out(seen),
        _replace(seen),
    ]


def fixed(dataset: Dataset) -> list[Any]:
    """Updates of `Choices.mapped` and `Choices.told` for a stored dataset, whose choices are fixed."""
    hidden = gr.update(visible=False)
    shape = gr.update(value=dataset.shape, interactive=False)
    mapped = [shape, *[hidden] * (2 * SLOTS)]
    return [*mapped, "", *[hidden] * SLOTS, data_views.facts(dataset), "", hidden, "", hidden, hidden]


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


def _replace(seen: Preview) -> Any:
    """The checkbox for rows with broken characters; never ticked beforehand."""
    words = f"Keep {plural(seen.n_unreadable, 'row')} with broken characters, replaced by �"
    return gr.update(visible=seen.n_unreadable > 0 and seen.n_rows > 0, value=False, label=words)


def chosen(shape: str, slots: tuple[Any, ...]) -> dict[str, str | list[str]]:
    """Field → columns for every field of the shape; a field set to “none” maps to an empty string.

    `slots` are the values of `Choices.slots`, then those of `Choices.more`.
    """
    fields = registry.shape(shape).fields
    firsts, others = slots[:SLOTS], [*slots[SLOTS:], *[()] * SLOTS]
    return {
        field.name: [str(first), *more] if first and more else str(first or "")
        for field, first, more in zip(fields, firsts, others, strict=False)
    }
