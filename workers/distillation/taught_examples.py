"""A training's examples with what the teacher says about each: read, batched, and measured against a student."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from transformers import PreTrainedModel

from templates.objectives.distill_logits import DistillLogitsParams
from templates.quantities import plural
from workers import sharing
from workers.distillation import distances, kept_forms, readings
from workers.distillation.distances import Against
from workers.distillation.kept_forms import Full
from workers.distillation.readings import Asked, Reading
from workers.evaluation.losses import Floats
from workers.evaluation.predictions import forward_arguments
from workers.stages import Watch
from workers.training import batches
from workers.training.batches import Example
from workers.training.setups import Teacher

IN_FULL = 0.05
"""Share of the time for the rows that are kept in full, for pages."""


@dataclass(frozen=True, slots=True)
class TaughtExample(Example):
    """An example and its number in the reading."""

    number: int


class TaughtExamples:
    """All examples of a training, and the teacher's distributions at their learned tokens."""

    def __init__(self, params: DistillLogitsParams, teacher: Teacher, examples: Sequence[Example], job_id: str):
        self.params, self.vocab_size = params, teacher.vocab_size
        self.examples = [TaughtExample(one.ids, one.trained, number) for number, one in enumerate(examples)]
        self._teacher = teacher
        asked = Asked(
            teacher.hashes, teacher.name, self.vocab_size, params.temperature, kept_forms.of(params), _seed(params)
        )
        self.reading = Reading(teacher.readings, examples, asked, job_id)
        self._in_full = distances.kept_in_full(self.examples, self.vocab_size)
        full = Asked(teacher.hashes, teacher.name, self.vocab_size, params.temperature, Full(), 0)
        self.full = Reading(teacher.readings, self._in_full, full, job_id)
        self.n_read = 0
        """Tokens that the teacher read for this job; 0: an earlier one had read them all."""

    def read(self, watch: Watch) -> Mapping[str, Mapping[str, Any]]:
        """Let the teacher read what no job has read yet; returns what is kept. Raises `Interrupted` if told to stop."""
        self.n_read = self.full.complete(self._teacher.model, watch.of(0.0, IN_FULL))
        self.n_read += self.reading.complete(self._teacher.model, watch.of(IN_FULL, 1.0))
        reading = self.reading
        facts = {"key": reading.folder.name, "size_bytes": reading.size_bytes, "tokens": reading.n_tokens}
        return {"teacher_kept": {"teacher": self._teacher.name, **facts, "read_now": self.n_read > 0}}

    def collator(
        self, model: PreTrainedModel, pad_id: int
    ) -> Callable[[Sequence[Sequence[TaughtExample]]], dict[str, Any]]:
        """Makes a batch of a micro-batch of the schedule: as for next-token loss, with the teacher's distributions."""
        takes = forward_arguments(model)
        on_the_right = not sharing.may_share(model)  # no earlier token sees it there

        def collate(items: Sequence[Sequence[TaughtExample]]) -> dict[str, Any]:
            examples = items[0]
            batch = batches.padded(examples, pad_id, answers_only="logits_to_keep" in takes, on_the_right=on_the_right)
            own = {name: value for name, value in batch.items() if name in takes or name == "labels"}
            return {**own, **self.reading.targets([one.number for one in examples]).as_inputs()}

        return collate

    def against(self, examples: Sequence[TaughtExample]) -> Against:
        """These examples and what is kept of the teacher's distributions on them."""
        return Against(examples, lambda places: self.reading.targets([examples[place].number for place in places]))

    def mean_loss(
        self, examples: Sequence[TaughtExample]
    ) -> Callable[[PreTrainedModel, Callable[[], bool]], float] | None:
        """Measures the training's own loss on these examples; None without any."""
        if not examples:
            return None

        def measure(model: PreTrainedModel, stopped: Callable[[], bool]) -> float:
            sums = distances.losses(model, self.against(examples), self.params, self.vocab_size, stopped)
            return float(sums.sum() / _n_tokens(examples).sum())

        return measure

    def of_rows(
        self,
        model: PreTrainedModel,
        examples: Sequence[TaughtExample],
        rows: Sequence[int],
        n_rows: int,
        stopped: Callable[[], bool],
    ) -> Floats:
        """Forward KL from the teacher to `model` on each row, in nats per learned token, `(n_rows,)`; NaN without any.

        `rows` holds the index of each example's row.
        """
        sums = distances.forward_kl(model, self.against(examples), self.params, self.vocab_size, stopped)
        totals, tokens = np.zeros(n_rows), np.zeros(n_rows)
        np.add.at(totals, rows, sums)
        np.add.at(tokens, rows, _n_tokens(examples))
        found: Floats = np.divide(totals, tokens, out=np.full(n_rows, np.nan), where=tokens > 0)
        return found

    def remarks_on(self, model: PreTrainedModel, stopped: Callable[[], bool]) -> list[str]:
        """What was kept of the teacher, and how exact that is for the result."""
        said = [f"Kept of the teacher: {readings.words(self.reading, self.n_read)}."]
        by_full = Against(self._in_full, self.full.targets)
        sums = [
            float(distances.forward_kl(model, against, self.params, self.vocab_size, stopped).sum())
            for against in (by_full, self.against(self._in_full))
        ]
        n_tokens = _n_tokens(self._in_full).sum()
        exact, kept = (one / n_tokens for one in sums)
        return [
            *said,
            f"On {plural(len(self._in_full), 'row')} whose distributions were kept in full, the result is {exact:.3f} "
            f"nats per token from the teacher, and by what was kept of them {kept:.3f} ({_deviation(kept, exact)}).",
        ]


def _n_tokens(examples: Sequence[Example]) -> Floats:
    return np.array([one.n_trained for one in examples], np.float64)


def _seed(params: DistillLogitsParams) -> int:
    return params.seed if params.teacher_cache == "sampling" else 0


def _deviation(kept: float, exact: float) -> str:
    return f"{100 * (kept / exact - 1):+.1f} %".replace("-", "−") if exact > 0 else "exact"
