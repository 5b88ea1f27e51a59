"""Votes as the pages make them, with two bundled models; and votes of no studio, to be counted."""

from __future__ import annotations

from storage.models import User, Vote
from storage.votes import contenders, questions, votes
from storage.votes.answers import Answer
from storage.votes.contenders import Contender
from storage.votes.questions import Prompt

NANO, SMALL, GONE = "studio-nano", "studio-small", "gone"
SAMPLING = {"seed": 1, "temperature": 0.0, "max_new_tokens": 16}


def third(nano: Contender) -> Contender:
    """A model that was adapted from this base, and is gone."""
    return nano.model_copy(update={"name": GONE, "kind": "adapter", "id": "x" * 16, "weights_sha256": "ab" * 32})


def contender(name: str) -> Contender:
    """A model of no studio."""
    return Contender(name=name, kind="base", id=name, base=name, base_revision=name)


def counted(prompt: str, choice: str, left: str = NANO, right: str = SMALL, owner_id: str = "me") -> Vote:
    """A vote of no studio."""
    answers = [Answer(model=contender(name), text=name, finish_reason="stop") for name in (left, right)]
    return Vote(
        owner_id=owner_id,
        messages=[{"role": "user", "content": prompt}],
        left=answers[0].model_dump(mode="json"),
        right=answers[1].model_dump(mode="json"),
        left_model=answers[0].model.key,
        right_model=answers[1].model.key,
        sampling=SAMPLING,
        source="typed",
        choice=choice,
        created_at=0.0,
    )


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
