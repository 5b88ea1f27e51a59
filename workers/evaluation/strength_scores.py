"""Scores one adapter at several strengths, one after another, and seals what each of them scored.

The model is loaded once; between two passes only the factor before the adapter changes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from peft.helpers import rescale_adapter_scale
from pydantic import BaseModel, ConfigDict, ValidationError

from storage import files
from storage.data import row_files, selection
from storage.gallery import suites
from storage.rendering.renderer import Renderer
from templates import at_strength, registry
from workers.classification.label_tokens import LabelEndings
from workers.evaluation import forgetting, held_out, own_prompts, scoring, suite
from workers.evaluation.following import Followed, follow
from workers.evaluation.forgetting import ON, ON_OWN, KeptScores
from workers.evaluation.held_out import HeldOutSide
from workers.evaluation.kept import Kept
from workers.evaluation.own_prompts import OwnPrompts
from workers.evaluation.progress import Channel, Part, noting, parts, parts_of
from workers.evaluation.scoring import Answer, Scores
from workers.evaluation.suite import SuiteScores
from workers.orders.strength import StrengthOrder, TaughtRows

Form = TypeVar("Form", bound=BaseModel)
log = logging.getLogger("studio.evaluation")
ON_ROWS = "the selection rows"
OWN_FILE = "own-prompts.json"


class SealedScores(BaseModel):
    """`Scores` as they are sealed; NaN stands where two answers could not be weighed."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")

    source_rows: tuple[int, ...]
    nll: tuple[float, ...]
    n_tokens: tuple[int, ...]
    prefers: tuple[float, ...] | None
    n_cut: int
    answers: tuple[Answer, ...]
    n_too_long: int
    n_not_asked: int
    max_new_tokens: int

    @classmethod
    def of(cls, scores: Scores) -> SealedScores:
        """The scores without arrays."""
        plain = {name: getattr(scores, name) for name in cls.model_fields}
        arrays = {name: tuple(plain[name].tolist()) for name in ("nll", "n_tokens")}
        return cls(**plain | arrays | {"prefers": None if scores.prefers is None else tuple(scores.prefers.tolist())})

    def scores(self) -> Scores:
        """The scores again."""
        plain = {name: getattr(self, name) for name in type(self).model_fields}
        arrays = {"nll": np.array(self.nll, np.float64), "n_tokens": np.array(self.n_tokens, np.int64)}
        prefers = None if self.prefers is None else np.array(self.prefers, np.float64)
        return Scores(**plain | arrays | {"prefers": prefers})


class SealedStrength(BaseModel):
    """Everything that was scored at one strength."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")

    strength: float
    task: tuple[SealedScores, ...]
    """On each of the task's datasets."""
    general: KeptScores
    own: Followed | None
    """How it follows the base's own answers; None if none were wanted."""


@dataclass(frozen=True)
class TaskRows:
    """A dataset's selection side, ready to be scored."""

    data: TaughtRows
    training: list[dict[str, Any]]
    """What was learned, and the labels to choose among, if it learned to choose."""
    rows: list[dict[str, Any]]
    side: HeldOutSide
    """What a comparison on these rows needs to know of the dataset."""


def task_rows(data: TaughtRows) -> TaskRows:
    """The selection side; the held-out rows are left alone."""
    file = Path(data.dataset_file)
    divided = selection.divided(file, registry.shape(data.shape), data.split_seed)
    documents = row_files.documents(file)
    return TaskRows(
        data,
        divided.training,
        divided.selection,
        held_out.of(data.shape, divided.training, divided.selection, documents),
    )


@contextmanager
def weakened(model: Any, strength: float) -> Iterator[None]:
    """The adapted model at this strength; at 0, its untouched base."""
    with model.disable_adapter() if strength == 0 else rescale_adapter_scale(model, strength):
        yield


@dataclass(frozen=True)
class StrengthScorer:
    """Scores a model at one strength after another."""

    order: StrengthOrder
    task: Sequence[TaskRows]
    load: Callable[[], Any]
    channel: Channel

    @cached_property
    def _model(self) -> Any:
        return self.load()

    @cached_property
    def _renderer(self) -> Renderer:
        return Renderer(Path(self.order.model.base_folder))

    @cached_property
    def suite(self) -> suites.Suite:
        """The items that the verdict asked too."""
        return suites.asked_of(self.order.suite, self.order.n_items)

    def sealed(self, place: int) -> SealedStrength | None:
        """What an earlier attempt scored; None if it didn't get this far."""
        return self._read(SealedStrength, f"strength-{place}.json")

    def score(self, place: int) -> SealedStrength:
        """Score the strength at this place of the order, and seal it. Raises `Interrupted` if nobody wants it."""
        strength, part = self.order.strengths[place], parts([1] * len(self.order.strengths))[place]
        sizes = [len(one.rows) + min(len(one.rows), self.order.eval_rows) for one in self.task]
        own_part, *of_task, part = parts_of(part, [max(1, self.order.own_prompts), *sizes, len(self.suite.items)])
        prompts = self.own_prompts(own_part)  # before the adapter is weakened: the untouched base writes them
        with weakened(self._model, strength):
            found = SealedStrength(
                strength=strength,
                own=self._followed(prompts, strength, own_part) if prompts else None,
                task=tuple(
                    SealedScores.of(self._on_rows(one, strength, where))
                    for one, where in zip(self.task, of_task, strict=True)
                ),
                general=self._on_items(strength, part),
            )
        self._seal(found, f"strength-{place}.json")
        return found

    def own_prompts(self, part: Part) -> OwnPrompts | None:
        """Prompts of the base that were not replayed, as the verdict used them; None if none are wanted."""
        n = self.order.own_prompts
        if not n:
            return None
        if found := self._read(OwnPrompts, OWN_FILE):
            return found
        kept, particulars = self._kept(), own_prompts.particulars(n)
        written = kept.read(OwnPrompts, **particulars)
        if written is None:
            with weakened(self._model, 0):
                written = own_prompts.written(
                    self._model,
                    self._renderer,
                    n,
                    context_length=self.order.facts.context_length,
                    progress=self._noting(0, ON_OWN, part),
                    stopped=self._stopped,
                )
            kept.write(written, **particulars)
        replayed = [
            text
            for one in self.order.replayed
            for text in own_prompts.as_read(
                self._renderer, one.shape, row_files.read(Path(one.dataset_file), held_out=False)
            )
        ]
        found = own_prompts.not_replayed(written, replayed, self._renderer)
        self._seal(found, OWN_FILE)
        return found

    def _on_rows(self, one: TaskRows, strength: float, part: Part) -> Scores:
        learned, training = registry.objective(self.order.recipe.objective), self.order.recipe.training()
        renderer = self._renderer.instructed(one.data.instruction)
        return scoring.score(
            self._model,
            renderer,
            one.data.shape,
            one.rows,
            max_length=training.max_length,
            context_length=self.order.facts.context_length,
            trains_prompt=learned.trains_prompt,
            views=learned.views,
            eval_rows=self.order.eval_rows,
            labels=LabelEndings.of(renderer, one.training) if learned.most_labels else None,
            progress=self._noting(strength, ON_ROWS, part),
            stopped=self._stopped,
        )

    def _on_items(self, strength: float, part: Part) -> KeptScores:
        if strength == 0 and (known := self._kept().read(KeptScores, items=self.suite.sha256)):
            return known
        scores: SuiteScores = suite.score(
            self._model,
            self._renderer,
            self.suite,
            context_length=self.order.facts.context_length,
            progress=self._noting(strength, ON, part),
            stopped=self._stopped,
        )
        return KeptScores.of(scores)

    def _followed(self, prompts: OwnPrompts, strength: float, part: Part) -> Followed:
        if strength == 0:
            return prompts.untouched
        said, n = self._noting(strength, ON_OWN, part), len(prompts.asked)
        return follow(self._model, prompts.asked, progress=lambda done: said(done, n), stopped=self._stopped)

    def _kept(self) -> Kept:
        return forgetting.kept(
            self.order.measurements, None, self.order.recipe.quantization, self._renderer, self._model
        )

    def _noting(self, strength: float, on: str, part: Part) -> Callable[[int, int], None]:
        name = at_strength.words(strength) if strength else "the base"
        return noting(self.channel, name, on, part=part)

    def _stopped(self) -> bool:
        return self.channel.abandoned

    def _read(self, form: type[Form], name: str) -> Form | None:
        path = Path(self.order.checkpoints) / name
        if not path.is_file():
            return None
        try:
            return form.model_validate_json(path.read_bytes())
        except ValidationError:  # another version of the studio sealed it
            log.warning("%s can't be read and is measured again", path)
            return None

    def _seal(self, found: BaseModel, name: str) -> None:
        with files.atomic_file(Path(self.order.checkpoints) / name) as file:
            file.write(found.model_dump_json().encode())
