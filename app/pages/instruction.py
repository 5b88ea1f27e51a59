"""The box for an instruction; on the Data page, filled with the proposed one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from storage.data.datasets import Preview
from storage.models import Dataset
from templates import registry

N_SHOWN = 2
"""Outputs of `of_file` and `of_dataset`."""
LABEL = "Instruction before every row"
INFO = "The base and the adapted model both get it. Rows with their own system text keep that instead."
STORED = "You can change it for each training."


@dataclass(frozen=True)
class Box:
    """The box, and what was proposed for it: a typed text stays when the mapping changes."""

    typed: gr.Textbox
    proposed: gr.Textbox

    @property
    def all(self) -> list[Any]:
        """Both, in the order of the functions below."""
        return [self.typed, self.proposed]


def textbox() -> gr.Textbox:
    """An empty box."""
    return gr.Textbox(label=LABEL, info=INFO, lines=1, max_lines=5, elem_id="instruction", interactive=True)


def draw() -> Box:
    """The box, empty."""
    return Box(textbox(), gr.Textbox(visible=False))


def of_file(seen: Preview, typed: str = "", proposed: str = "") -> list[Any]:
    """The proposal for a file; hidden for plain text."""
    has_prompts = registry.shape(seen.shape).messages is not None
    keeps = has_prompts and (typed or "").strip() != (proposed or "").strip()
    shown = gr.update(
        visible=has_prompts, interactive=True, info=INFO, **({} if keeps else {"value": seen.instruction})
    )
    return [shown, seen.instruction]


def of_dataset(dataset: Dataset) -> list[Any]:
    """A stored dataset's own."""
    is_set = bool(dataset.instruction)
    return [gr.update(visible=is_set, interactive=False, info=STORED, value=dataset.instruction), dataset.instruction]
