"""A judge at an address is asked about each pair of answers, in both orders; no question is asked twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from storage.judging.both_orders import Judged
from templates import judging
from templates.errors import StudioError
from templates.jobs.generate import GenerateParams
from templates.shortened import shortened
from workers.answering.from_service import ServiceTeacher
from workers.answering.prompts import Prompt
from workers.answering.spoken import Spoken
from workers.evaluation.progress import Channel
from workers.judging.answered import Compared
from workers.orders.generate import Service
from workers.orders.judge import JudgeOrder

ID_BYTES = 7
"""Of a question's hash, which is its number among the sealed replies."""


class Judge:
    """A model at an address."""

    def __init__(self, order: JudgeOrder, service: Service) -> None:
        params = GenerateParams(max_new_tokens=order.params.max_judgement_tokens)
        asks = order.asks.model_copy(update={"params": params, "instruction": ""})
        self._service, self._criteria, self._name = ServiceTeacher(asks, service), order.criteria, service.model

    def judged(self, pairs: Sequence[Compared], channel: Channel) -> list[Judged]:
        """What it says of each pair. Each request is a step of the job.

        Raises `Interrupted` once the job must stop, and `StudioError` in the words of the service, or if no reply
        holds a verdict.
        """
        orders = [None if pair.is_same else (self._question(pair), self._question(pair, turned=True)) for pair in pairs]
        questions = {one.row_number: one for both in orders if both for one in both}
        told = self._service.answer(list(questions.values()), channel) if questions else {}
        said = dict(zip(questions, (told[place] for place in range(len(told))), strict=True))
        self._refuse_silence(list(said.values()))
        return [self._read(both, said) for both in orders]

    def result(self) -> dict[str, Any]:
        """What the job's result says of it: tokens, and their price."""
        return self._service.result()

    def remarks(self) -> list[str]:
        """What it cost, and what it did not take."""
        return self._service.remarks()

    def _question(self, pair: Compared, *, turned: bool = False) -> Prompt:
        shown = (pair.second, pair.first) if turned else (pair.first, pair.second)
        turns = judging.asked(pair.turns, *shown, self._criteria)
        digest = hashlib.sha256(json.dumps(turns, sort_keys=True).encode()).digest()
        return Prompt({"source_row": int.from_bytes(digest[:ID_BYTES])}, turns, [])

    @staticmethod
    def _read(both: tuple[Prompt, Prompt] | None, said: dict[int, Spoken]) -> Judged:
        if both is None:
            return Judged(None, None, is_same=True)
        first, second = (judging.read(said[one.row_number].text) for one in both)
        return Judged(first, second)

    def _refuse_silence(self, replies: Sequence[Spoken]) -> None:
        """Raise `StudioError` if no reply holds a verdict."""
        if not replies or any(judging.read(one.text) for one in replies):
            return
        first = replies[0]
        shown = shortened(first.text or first.failure or "nothing")
        raise StudioError(
            f"None of the {len(replies):,} replies of “{self._name}” holds a verdict; the first: “{shown}”",
            code="no_verdicts",
            remedy="Allow longer judgements (max_judgement_tokens), or ask another model.",
        )
