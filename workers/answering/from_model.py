"""A model of the studio answers prompts.

It answers in groups of similar length and seals each group's answers on disk before the next, so that an attempt
resumes where the last one was killed. Each group has its own seed, so the answers don't depend on where that was.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from transformers import set_seed

from storage import files
from storage.rendering.renderer import Renderer
from workers import models
from workers.answering import prompts as asked
from workers.answering.prompts import Left, Prompt
from workers.answering.spoken import Spoken
from workers.evaluation.generation import ROWS_AT_ONCE, TOKENS_AT_ONCE, Generated, answers, batches
from workers.evaluation.progress import Channel
from workers.orders.generate import GenerationOrder
from workers.protocol import Advanced, ModelRef, Planned

SEEDS = 2**32


class ModelTeacher:
    """A base model or artifact."""

    def __init__(self, order: GenerationOrder, model: ModelRef, load: Callable[[], Any] | None = None) -> None:
        """`load` gives the model; it is called only if an answer is missing."""
        self._order, self._ref = order, model
        self._load = load or (lambda: models.load(model))
        self._renderer = Renderer(Path(model.base_folder)).instructed(order.instruction)

    def read(self) -> tuple[list[Prompt], Left]:
        """The prompts that it can answer, and the rows of the others."""
        return asked.read(self._order, self._renderer.prompt, models.context_length(self._ref))

    def answer(self, prompts: Sequence[Prompt], channel: Channel) -> dict[int, Spoken]:
        """As `said`; each answer is a step of the job."""
        return self.said(prompts, _Steps(channel), lambda: channel.abandoned)

    def said(
        self, prompts: Sequence[Prompt], tell: Callable[[int, int], None], stopped: Callable[[], bool]
    ) -> dict[int, Spoken]:
        """What it said: answer `sample` to the prompt at `place` has the key `place * answers per prompt + sample`.

        `tell(done, of)` gets the number of sealed answers at once, then after each group. Raises `Interrupted` once
        `stopped()` is true.
        """
        n, longest = self._order.params.num_return_sequences, self._order.params.max_new_tokens
        lengths = [len(prompt.ids) + longest for prompt in prompts for _ in range(n)]
        groups = list(batches(lengths, ROWS_AT_ONCE, TOKENS_AT_ONCE))
        sealed = [self._sealed(number) for number in range(len(groups))]
        done = {place: spoken for answered in sealed for place, spoken in (answered or {}).items()}
        tell(len(done), len(lengths))
        model = None
        for number, group in enumerate(groups):
            if sealed[number] is not None:
                continue
            model = model or self._load()
            told = self._answer_group(model, number, [prompts[place // n] for place in group], stopped)
            said = dict(zip(group, told, strict=True))
            with files.atomic_file(self._file(number)) as file:
                file.write(json.dumps({place: asdict(spoken) for place, spoken in said.items()}).encode())
            done |= said
            tell(len(done), len(lengths))
        return done

    def result(self) -> dict[str, Any]:
        """What the job's result says of it besides its answers."""
        return {"model": self._ref.model_dump(include={"name", "base_revision", "weights_sha256"})}

    def remarks(self) -> list[str]:
        """What the job's sentence says of it."""
        return []

    def _answer_group(
        self, model: Any, number: int, prompts: Sequence[Prompt], stopped: Callable[[], bool]
    ) -> list[Spoken]:
        set_seed((self._order.params.seed + number) % SEEDS)
        given = answers(
            model,
            [prompt.ids for prompt in prompts],
            eos_ids=self._renderer.eos_ids,
            max_new_tokens=self._order.params.max_new_tokens,
            sampling=self._sampling,
            stopped=stopped,
        )
        return [_spoken(self._renderer, one) for one in given]

    @property
    def _sampling(self) -> dict[str, Any] | None:
        params = self._order.params
        return {"temperature": params.temperature, "top_p": params.top_p, "top_k": 0} if params.temperature else None

    def _file(self, group: int) -> Path:
        return Path(self._order.checkpoints) / f"answers-{group:06}.json"

    def _sealed(self, group: int) -> dict[int, Spoken] | None:
        """The answers of an earlier attempt; None if it didn't get this far."""
        file = self._file(group)
        if not file.is_file():
            return None
        return {int(place): Spoken(**spoken) for place, spoken in json.loads(file.read_bytes()).items()}


def _spoken(renderer: Renderer, given: Generated) -> Spoken:
    said = renderer.read(given.ids)
    return Spoken(said.answer, said.reasoning, given.ended or said.has_ended, said.is_unfinished)


class _Steps:
    """Reports the answers that are there as the steps of a job."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._began: tuple[float, int] | None = None

    def __call__(self, done: int, of: int) -> None:
        if self._began is None:
            self._began = time.monotonic(), done
            self._channel.send(Planned(start_step=done, total_steps=of))
            return
        started, n_before = self._began
        pace = (time.monotonic() - started) / (done - n_before)
        self._channel.send(Advanced(step=done, eta_s=pace * (of - done)))
