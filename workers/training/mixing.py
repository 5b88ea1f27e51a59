"""The rows of several datasets in one training: rendered each with its own instruction, and dealt by weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from storage.rendering.renderer import Renderer
from templates import mix
from templates.mix import Mix, Portion
from workers.training import batches
from workers.training.batches import Example, Examples, ReplayedExample

SourceRows = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class DatasetRows:
    """One dataset of a training."""

    name: str
    shape: str
    renderer: Renderer
    """It puts the dataset's own instruction before every row."""
    train: SourceRows
    held_out: SourceRows = ()
    selection: SourceRows = ()
    replayed: bool = False
    """It is learned, but the result is not judged on it."""
    left_out: tuple[int, ...] = ()
    """Numbers of training rows that ask what the result will be asked; `train` has none of them."""


@dataclass(frozen=True)
class Mixed:
    """All that is learned, and all that the loss is measured on."""

    train: Sequence[Examples[Example]]
    """By dataset."""
    held_out: Sequence[Example]
    selection: Sequence[Example]
    portions: Sequence[Portion]
    """By dataset, too."""

    @property
    def examples(self) -> list[Example]:
        """Everything that can be learned, one dataset after the other."""
        return [example for one in self.train for example in one.kept]

    @property
    def decks(self) -> list[batches.Deck]:
        """How many of each dataset's examples come up in a pass."""
        return [batches.Deck(one.n_rows, one.per_pass) for one in self.portions]


def rendered(datasets: Sequence[DatasetRows], told: Mix, *, max_length: int, trains_prompt: bool) -> Mixed:
    """Render and count; the task's datasets come first."""

    def render(one: DatasetRows, rows: SourceRows) -> Examples[Example]:
        prompts_too = trains_prompt and not one.replayed
        made = batches.render(one.renderer, one.shape, rows, max_length=max_length, trains_prompt=prompts_too)
        if one.replayed:
            made.kept = [ReplayedExample(example.ids, example.trained) for example in made.kept]
        return made

    train = [render(one, one.train) for one in datasets]
    sizes, n_task = [len(one.kept) for one in train], sum(not one.replayed for one in datasets)
    counts = mix.counts(sizes, n_task, told)
    return Mixed(
        train=train,
        held_out=[example for one in datasets for example in render(one, one.held_out).kept],
        selection=[example for one in datasets for example in render(one, one.selection).kept],
        portions=[
            Portion(
                name=one.name,
                replayed=one.replayed,
                n_rows=size,
                per_pass=count,
                n_tokens=sum(example.n_trained for example in made.kept),
                left_out=one.left_out,
            )
            for one, made, size, count in zip(datasets, train, sizes, counts, strict=True)
        ],
    )
