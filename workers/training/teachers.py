"""The teacher of a training: loaded at most once, and gone before the student needs the memory."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from pydantic import TypeAdapter
from transformers import PreTrainedModel

from storage.files import atomic_file
from storage.rendering.renderer import Renderer
from workers import models
from workers.evaluation.scoring import Answer, Scores
from workers.orders.train import TrainingOrder
from workers.protocol import ModelRef

SCORES = "teacher_scores.json"
PACE = "teacher_pass_seconds"


class LoadedTeacher:
    """The teacher of an order, loaded when it is first asked for."""

    def __init__(self, order: TrainingOrder):
        assert order.teacher
        self._order, self._teacher = order, order.teacher
        self._model: PreTrainedModel | None = None
        self._precision = order.recipe.training().teacher_precision

    @property
    def name(self) -> str:
        """Its name."""
        return self._teacher.ref.name

    @property
    def hashes(self) -> tuple[str, ...]:
        """What stands for its weights and the precision in which it computes."""
        ref: ModelRef = self._teacher.ref
        return ref.base_revision, ref.weights_sha256 or "", self._precision

    @property
    def vocab_size(self) -> int:
        """Tokens that both heads have; heads of one family are often padded differently."""
        return min(self._teacher.facts.vocab_size, self._order.facts.vocab_size)

    @cached_property
    def renderer(self) -> Renderer:
        """Its own tokens and chat template, with the training's instruction."""
        return Renderer(Path(self._teacher.ref.base_folder)).instructed(self._order.recipe.instruction)

    @property
    def context_length(self) -> int:
        """Tokens that it can read at once."""
        return self._teacher.facts.context_length

    @property
    def readings(self) -> Path:
        """The folder for what it says."""
        return Path(self._order.teacher_readings or Path(self._order.checkpoints) / "teachers")

    def model(self) -> PreTrainedModel:
        """The teacher, in eval mode."""
        if self._model is None:
            self._model = models.load(self._teacher.ref, quantization=self._precision)
        return self._model

    def free(self) -> None:
        """Take it out of memory."""
        self._model = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def pass_seconds(self, measure: Callable[[PreTrainedModel], float]) -> float:
        """Its time to read some tokens, as measured; that of an earlier attempt at the same job is kept."""
        path = Path(self._order.checkpoints) / PACE
        if path.is_file():
            return float(path.read_text("utf-8"))
        found = measure(self.model())
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as file:
            file.write(repr(found).encode())
        return found

    def scores(self, score: Callable[[PreTrainedModel], Scores]) -> Scores:
        """Its scores on the held-out rows; those of an earlier attempt at the same job are kept."""
        path = Path(self._order.checkpoints) / SCORES
        if path.is_file():
            return _read(path)
        found = score(self.model())
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as file:
            file.write(_document(found))
        return found


_ANSWERS = TypeAdapter(tuple[Answer, ...])
_ARRAYS = ("nll", "n_tokens", "prefers")


def _document(scores: Scores) -> bytes:
    plain = {name: value for name, value in vars(scores).items() if name not in (*_ARRAYS, "answers")}
    arrays = {name: None if (one := getattr(scores, name)) is None else one.tolist() for name in _ARRAYS}
    return json.dumps({**plain, **arrays, "answers": _ANSWERS.dump_python(scores.answers, mode="json")}).encode()


def _read(path: Path) -> Scores:
    told = json.loads(path.read_bytes())
    prefers = told.pop("prefers")
    return Scores(
        **{
            **told,
            "source_rows": tuple(told["source_rows"]),
            "nll": np.array(told["nll"], np.float64),
            "n_tokens": np.array(told["n_tokens"], np.int64),
            "prefers": None if prefers is None else np.array(prefers, np.float64),
            "answers": _ANSWERS.validate_python(told["answers"]),
        }
    )
