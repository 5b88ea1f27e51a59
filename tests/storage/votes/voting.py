"""Puts votes into a studio as the pages do, with two bundled models."""

from __future__ import annotations

from storage.models import User, Vote
from storage.votes import contenders, questions, votes
from storage.votes.answers import Answer
from storage.votes.contenders import Contender
from storage.votes.questions import Prompt

NANO, SMALL = "studio-nano", "studio-small"
SAMPLING = {"seed": 1, "temperature": 0.0, "max_new_tokens": 16}


def third(nano: Contender) -> Contender:
    """A model that was adapted from this base, and is gone."""
    return nano.model_copy(update={"name": "gone", "kind": "adapter", "id": "x" * 16, "weights_sha256": "ab" * 32})


def asked(
    user: User,
    prompt: str | Prompt,
    left: str = "yes",
    right: str = "no",
    models: tuple[str, str] = (NANO, SMALL),
    *,
    instruction: str = "",
    known: dict[str, Contender] | None = None,
    cut: str = "",
) -> Vote:
    """A question with these answers; `cut` is the text of an answer that was cut."""
    prompt = questions.typed(prompt) if isinstance(prompt, str) else prompt
    given = [(known or {}).get(name) or contenders.of(user, name) for name in models]
    answers = [
        Answer(model=one, text=text, finish_reason="length" if text == cut else "stop")
        for one, text in zip(given, (left, right), strict=True)
    ]
    return questions.keep(user, prompt, questions.told(prompt, instruction), *answers, SAMPLING)


def voted(user: User, prompt: str | Prompt, choice: str, *texts: str, **how: object) -> Vote:
    """A vote on such a question."""
    return votes.cast(user, asked(user, prompt, *texts, **how).id, choice)[0]  # type: ignore[arg-type]
