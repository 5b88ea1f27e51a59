"""Counts what a service was asked and what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from templates.quantities import plural
from templates.service import ServiceParams
from workers.answering.replies import Reply


class Usage:
    """The answers of a job: those that earlier attempts got, and those that came now."""

    def __init__(self, params: ServiceParams) -> None:
        self._params = params
        self._prompt = self._completion = self._uncounted = 0
        self.n_answers = 0
        """Answers that came in this attempt."""
        self._n_known = 0

    @property
    def n_all(self) -> int:
        """All answers."""
        return self._n_known + self.n_answers

    def begin(self, known: Sequence[Reply]) -> None:
        """Count the answers that are there already."""
        self._n_known = len(known)
        for reply in known:
            self._count(reply)

    def add(self, reply: Reply) -> None:
        """Count an answer that came now."""
        self.n_answers += 1
        self._count(reply)

    def _count(self, reply: Reply) -> None:
        self._prompt += reply.prompt_tokens or 0
        self._completion += reply.completion_tokens or 0
        self._uncounted += reply.prompt_tokens is None or reply.completion_tokens is None

    @property
    def _cost(self) -> float:
        params = self._params
        return (self._prompt * params.prompt_price + self._completion * params.completion_price) / 1e6

    @property
    def _has_price(self) -> bool:
        return bool(self._params.prompt_price or self._params.completion_price)

    def words(self) -> str:
        """All of it in a few words."""
        parts = [f"{self._prompt:,} prompt tokens", f"{self._completion:,} answer tokens"]
        parts += [f"cost {self._cost:,.4g}"] if self._has_price else []
        parts += [f"{plural(self._uncounted, 'answer')} without a count"] if self._uncounted else []
        return ", ".join(parts)

    def document(self) -> dict[str, Any]:
        """All of it."""
        return {
            "n_answers": self.n_all,
            "n_from_before": self._n_known,
            "prompt_tokens": self._prompt,
            "completion_tokens": self._completion,
            "n_uncounted": self._uncounted,
            "cost": self._cost if self._has_price else None,
            "words": self.words(),
        }
