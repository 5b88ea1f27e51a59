"""Scores of answers by a reward model, from the chat server, and where they fall among the verdict's own."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app import chat_client
from storage.gallery import artifacts
from storage.models import Artifact, User
from templates.errors import Problem, Unavailable, refuse

MAX_ANSWERS = 16


@dataclass(frozen=True)
class ScoredAnswer:
    """An answer with its score."""

    answer: str
    score: float
    above_chosen: float | None
    """The share of the held-out chosen answers that score lower; None without a verdict on pairs."""
    above_rejected: float | None
    """The same of the rejected ones."""


@dataclass(frozen=True)
class Scored:
    """What a reward model says of some answers to a prompt, in their order."""

    model: Artifact
    prompt: str
    answers: tuple[ScoredAnswer, ...]

    @property
    def verdict(self) -> Mapping[str, Any]:
        """What the model's verdict says of its scores; empty without one."""
        return verdict_of(self.model)

    def as_dict(self) -> dict[str, Any]:
        """As REST and `--json` tell it."""
        return {
            "model": self.model.name,
            "weights_sha256": artifacts.model_facts(self.model).weights_sha256,
            "prompt": self.prompt,
            "answers": [vars(one) for one in self.answers],
        }


def verdict_of(model: Artifact) -> Mapping[str, Any]:
    """What a reward model's verdict says of its scores; empty without one."""
    found: Mapping[str, Any] = artifacts.model_facts(model).verdict.get("reward") or {}
    return found


def of(user: User, model: str, prompt: str, answers: Sequence[str]) -> Scored:
    """Score answers to a prompt. Raises `BadInput` for texts that are missing, and what the chat server refuses."""
    found = artifacts.reward_model(user, model)
    problems = [] if prompt.strip() else [Problem("is empty.", field="prompt", remedy="Type a question.")]
    if not answers or any(not answer.strip() for answer in answers):
        problems.append(Problem("is empty.", field="answers", remedy="Give at least one answer, and no empty one."))
    if len(answers) > MAX_ANSWERS:
        problems.append(Problem(f"has {len(answers)} texts.", field="answers", remedy=f"At most {MAX_ANSWERS}."))
    refuse(problems)
    turns = [_conversation(prompt, answer) for answer in answers]
    document = chat_client.post("/v1/score", {"model": found.id, "messages": turns}, user=user)
    try:
        scores = [float(one["score"]) for one in sorted(document["data"], key=lambda one: int(one["index"]))]
    except (KeyError, TypeError, ValueError) as error:
        raise Unavailable("The chat server sent scores that can't be read.", code="chat_unavailable") from error
    if len(scores) != len(answers):
        raise Unavailable("The chat server did not score every answer.", code="chat_unavailable")
    told = verdict_of(found)
    return Scored(found, prompt, tuple(_placed(*one, told) for one in zip(answers, scores, strict=True)))


def _conversation(prompt: str, answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]


def _placed(answer: str, score: float, told: Mapping[str, Any]) -> ScoredAnswer:
    shares = [_share_below(told[side], score) if side in told else None for side in ("chosen", "rejected")]
    return ScoredAnswer(answer, score, *shares)


def _share_below(percentiles: Sequence[float], score: float) -> float:
    """The share of answers with a lower score, to a hundredth."""
    return min(1.0, bisect_left(percentiles, score) / (len(percentiles) - 1))
