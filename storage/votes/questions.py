"""Questions of a blind comparison: which two models stand on which side, and where the next prompt comes from.

Each question shows two models. With more than two in the comparison, two are drawn at random for each question. The
sides are drawn too, and stored with the answers before anybody votes: no browser chooses or reports them.
"""

from __future__ import annotations

import json
import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import col, or_, select

from storage import db
from storage.data import datasets
from storage.data.splits import Side
from storage.models import Dataset, User, Vote
from storage.votes import contenders
from storage.votes.answers import TYPED, Answer
from storage.votes.contenders import Contender
from templates import instructions, registry
from templates.errors import BadInput, NotFound, Problem, refuse
from templates.quantities import plural

MOST_PROMPT_CHARS = 100_000
_ROLES = ("system", "user", "assistant")
_chance = secrets.SystemRandom()


@dataclass(frozen=True)
class Prompt:
    """The turns to answer, and where they come from."""

    messages: list[dict[str, Any]]
    source: str = TYPED
    dataset_id: str | None = None
    n_left: int | None = None
    """Prompts of a dataset that these two models haven't answered yet, this one included."""

    @property
    def text(self) -> str:
        """The question itself."""
        return str(self.messages[-1]["content"])


def sides(user: User, models: Sequence[str]) -> tuple[Contender, Contender]:
    """Two of the models, left and right, drawn at random. Raises as `contenders.all_of` does."""
    left, right = _chance.sample(contenders.all_of(user, models), 2)
    return left, right


def typed(text: str) -> Prompt:
    """A prompt that somebody typed. Raises `BadInput` for an empty or a very long one."""
    if not text.strip():
        raise BadInput(Problem("Type a prompt first.", field="prompt"))
    if len(text) > MOST_PROMPT_CHARS:
        what = f"has {len(text):,} characters; at most {MOST_PROMPT_CHARS:,} are allowed."
        raise BadInput(Problem(what, field="prompt", remedy="Shorten it."))
    return Prompt([{"role": "user", "content": text}])


def from_dataset(user: User, name: str, side: Side, pair: tuple[Contender, Contender]) -> Prompt:
    """A prompt of a dataset's side that these two models haven't answered yet; the order is the same for all pairs.

    Raises `NotFound`, also when there is none left, and `BadInput` for a dataset without prompts that chat can ask.
    """
    dataset = datasets.get(user, name)
    usable = prompts(dataset, side)
    if not usable:
        raise BadInput(
            Problem(f"“{dataset.name}” has no prompts on this side that can be asked.", field="dataset")
            if registry.shape(dataset.shape).messages
            else Problem(f"“{dataset.name}” holds plain text, which has no prompts.", field="dataset")
        )
    asked = {_words(vote.messages) for vote in _between(user, pair)}
    left = [turns for turns in usable if _words(turns) not in asked]
    if not left:
        models = f"“{pair[0].words}” and “{pair[1].words}”"
        raise NotFound(
            f"{models} have answered all {plural(len(usable), 'prompt')} of “{dataset.name}” on this side."
            if len(usable) > 1
            else f"{models} have answered the only prompt of “{dataset.name}” on this side.",
            code="no_prompt_left",
            remedy="Type prompts, or choose another dataset.",
        )
    random.Random(f"{dataset.sha256} {side}").shuffle(usable)
    first = next(turns for turns in usable if _words(turns) not in asked)
    return Prompt(first, side, dataset.id, len(left))


def prompts(dataset: Dataset, side: Side) -> list[list[dict[str, Any]]]:
    """The different prompts of a side that chat can ask: texts only, without tools, ending with a user's turn."""
    shape = registry.shape(dataset.shape)
    if shape.messages is None:
        return []
    found: dict[str, list[dict[str, Any]]] = {}
    for row in datasets.rows(dataset, side=side):
        turns = shape.messages(row)
        if shape.has_answers:
            while turns and turns[-1]["role"] == "assistant":
                turns = turns[:-1]
        is_text = all(turn["role"] in _ROLES and turn.get("content") and not turn.get("tool_calls") for turn in turns)
        if turns and turns[-1]["role"] == "user" and is_text and not shape.tools(row):
            plain = [{"role": turn["role"], "content": turn["content"]} for turn in turns]
            found.setdefault(_words(plain), plain)
    return list(found.values())


def _words(turns: Sequence[dict[str, Any]]) -> str:
    """A prompt without its instruction, to find it again."""
    return json.dumps([[turn["role"], turn["content"].strip()] for turn in turns if turn["role"] != "system"])


def _between(user: User, pair: tuple[Contender, Contender]) -> Sequence[Vote]:
    """All questions that these two answered, with and without a vote."""
    one, other = pair[0].key, pair[1].key
    ways = [(Vote.left_model == a) & (Vote.right_model == b) for a, b in ((one, other), (other, one))]
    with db.reading() as session:
        return session.exec(select(Vote).where(Vote.owner_id == user.id, or_(*ways))).all()


def told(prompt: Prompt, instruction: str) -> list[dict[str, Any]]:
    """The turns that both models get: the prompt, below the instruction unless it brings its own."""
    refuse(instructions.problems(instruction))
    return [dict(turn) for turn in instructions.given(prompt.messages, instruction.strip())]


def keep(
    user: User,
    prompt: Prompt,
    messages: Sequence[dict[str, Any]],
    left: Answer,
    right: Answer,
    sampling: dict[str, Any],
) -> Vote:
    """Store a question with both answers, in the order in which they are shown; it has no vote yet.

    Raises `BadInput` if one of the models has said nothing at all.
    """
    silent = [side for side, answer in (("left", left), ("right", right)) if not (answer.text or answer.reasoning)]
    if len(silent) == len(("left", "right")):
        raise BadInput(
            Problem("Both models answered nothing.", field="prompt", remedy="Ask something else, or a longer answer.")
        )
    with db.writing() as session:
        vote = Vote(
            owner_id=user.id,
            messages=[dict(turn) for turn in messages],
            left=left.model_dump(mode="json"),
            right=right.model_dump(mode="json"),
            left_model=left.model.key,
            right_model=right.model.key,
            sampling=sampling,
            source=prompt.source,
            dataset_id=prompt.dataset_id,
            created_at=db.clock(session),
        )
        session.add(vote)
    return vote


def n_without_vote(user: User) -> int:
    """Questions that were shown and got no vote."""
    with db.reading() as session:
        waiting = select(Vote.id).where(Vote.owner_id == user.id, col(Vote.choice).is_(None))
        return len(session.exec(waiting).all())
