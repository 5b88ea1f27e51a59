"""Both models answer the held-out prompts that are to be judged, greedily; answers are sealed as they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.data import row_files
from storage.rendering.renderer import Renderer
from templates import instructions
from templates.errors import StudioError
from workers import models
from workers.answering import prompts as asked
from workers.answering.from_model import ModelTeacher
from workers.answering.prompts import Prompt
from workers.answering.spoken import Spoken
from workers.orders.judge import JudgeOrder
from workers.protocol import ModelRef
from workers.stages import Watch


@dataclass(frozen=True)
class Compared:
    """The answers of both models to one prompt."""

    turns: Sequence[Mapping[str, Any]]
    first: str
    second: str
    row: Mapping[str, Any] | None = None
    """The held-out row that it comes from; None for a vote's."""

    @property
    def is_same(self) -> bool:
        """Whether there is nothing to choose between."""
        return self.first.strip() == self.second.strip()


@dataclass(frozen=True)
class Answered:
    """What came of the held-out prompts."""

    pairs: list[Compared]
    n_held_out: int
    n_unasked: int
    """Rows among the first ones whose prompt one of the models can't answer."""
    n_cut: tuple[int, int]
    """Answers of each model that were cut off."""


def answered(order: JudgeOrder, watch: Watch) -> Answered:
    """The answers to the first held-out prompts that both models can answer.

    Raises `Interrupted` once the job must stop, `StudioError` if there is no such prompt.
    """
    rows = row_files.read(Path(order.asks.dataset_file), held_out=True)
    taken = rows[: order.params.most_prompts]
    readable = [_prompts(order, ref, taken) for ref in order.models]
    both = [number for number in readable[0] if number in readable[1]]
    if not both:
        raise StudioError(
            f"No held-out prompt of “{order.asks.dataset_name}” can be answered by both models.",
            code="no_prompts",
            remedy="Allow shorter answers (max_new_tokens), or choose other prompts.",
        )
    said = []
    for place, (ref, prompts) in enumerate(zip(order.models, readable, strict=True)):
        half = watch.of(place / 2, (place + 1) / 2)
        said.append(_said(order, place, ref, [prompts[number] for number in both], half))
    first, second = said
    pairs = [
        Compared(instructions.given(readable[0][number].turns, order.asks.instruction), one.text, other.text, row)
        for number, one, other in zip(both, first, second, strict=True)
        for row in (readable[0][number].row,)
    ]
    n_cut = (sum(not one.ended for one in first), sum(not one.ended for one in second))
    return Answered(pairs, len(rows), len(taken) - len(both), n_cut)


def _prompts(order: JudgeOrder, ref: ModelRef, rows: Sequence[Mapping[str, Any]]) -> dict[int, Prompt]:
    """What this model can answer, by the number of its row."""
    renderer = Renderer(Path(ref.base_folder)).instructed(order.asks.instruction)
    found, _ = asked.read(order.asks, renderer.prompt, models.context_length(ref), rows)
    return {one.row_number: one for one in found}


def _said(order: JudgeOrder, place: int, ref: ModelRef, prompts: Sequence[Prompt], watch: Watch) -> list[Spoken]:
    home = Path(order.checkpoints) / f"answers-of-{place}"
    home.mkdir(parents=True, exist_ok=True)
    teacher = ModelTeacher(order.asks.model_copy(update={"checkpoints": str(home)}), ref)

    def tell(done: int, of: int) -> None:
        watch.tell(done / of, f"“{ref.name}” has answered {done:,} of {of:,} prompts", kept=done > 0)

    given = teacher.said(prompts, tell, lambda: watch.stopped)
    return [given[place] for place in range(len(prompts))]
