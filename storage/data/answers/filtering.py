"""Which filters a person picked, and what they drop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from storage.data.answers.answer_filter import VOTE, Answer, AnswerFilter, filters
from templates.errors import Problem
from templates.recipe import problems_of
from templates.spec import RowShape

Picked = Mapping[str, Mapping[str, Any]]
"""Settings by the key of each filter that a person picked."""


@dataclass(frozen=True)
class Drop:
    """Why an answer is not among the rows."""

    filter: str
    """The filter's key; `empty`, `unfinished`, `failed` and `removed` are reasons without a filter."""
    reason: str
    """In a sentence."""


OUTCOMES = {
    "empty": "were empty",
    "unfinished": "were cut off in the model's reasoning",
    "failed": "never came",
    "removed": "were removed by hand",
}
"""The reasons without a filter; completes “12 answers …”."""


def outcome(key: str) -> str:
    """What the answers dropped for this reason do; completes “12 answers …”."""
    known = filters().get(key)
    return known.outcome if known else OUTCOMES.get(key, f"were dropped by “{key.replace('_', ' ')}”")


def setting_names() -> dict[str, str]:
    """Each filter's settings, with the key of their filter."""
    return {name: key for key, one in filters().items() for name in one.params.model_fields}


def pick(keys: Iterable[str], settings: Mapping[str, Any]) -> tuple[dict[str, dict[str, Any]], list[Problem]]:
    """The picked filters with their settings out of `settings`, and the problems with them."""
    known, picked, problems = filters(), dict[str, dict[str, Any]](), list[Problem]()
    wanted = list(dict.fromkeys(keys))
    for key in wanted:
        if key not in known:
            remedy = f"Choose from: {', '.join(known)}."
            problems.append(Problem(f"“{key}” is no filter.", field="filters", remedy=remedy))
            continue
        params = known[key].params
        try:
            given = {name: value for name, value in settings.items() if name in params.model_fields}
            picked[key] = params.model_validate(given).model_dump(mode="json")
        except ValidationError as error:
            problems += problems_of(error)
    for name, key in setting_names().items():
        if name in settings and key not in wanted:
            remedy = f"Pick the filter “{key}” too, or leave the setting out."
            problems.append(
                Problem(f"is a setting of the filter “{key}”, which is not picked.", field=name, remedy=remedy)
            )
    return picked, problems


def misfits(picked: Picked, shape: RowShape, n_per_prompt: int) -> list[Problem]:
    """Filters that can't judge answers to prompts of this shape, or this few answers to each."""
    problems = []
    for key in picked:
        one = filters()[key]
        if one.needs_expected and not shape.has_answers:
            what = f"“{key}” compares with the rows’ own answers, and these rows have none."
            problems.append(Problem(what, field="filters", remedy="Leave it out, or choose prompts with answers."))
        if one.needs_several and n_per_prompt < 2:
            what = f"“{key}” compares several answers to one prompt."
            remedy = "Ask for more answers per prompt (num_return_sequences), or leave it out."
            problems.append(Problem(what, field="filters", remedy=remedy))
    return problems


def judged(answers: Sequence[Answer], picked: Picked, already: Mapping[int, Drop]) -> dict[int, Drop]:
    """What is dropped, by the answer's number: `already`, and what the filters add; an answer's first reason counts.

    Votes see all answers, also those dropped already; the other filters see what is still there.
    """
    dropped = dict(already)
    for key, one in filters().items():
        if key in picked:
            dropped = {**_found(key, one, picked[key], answers, dropped), **dropped}
    return dropped


def _found(
    key: str, one: AnswerFilter, settings: Mapping[str, Any], answers: Sequence[Answer], dropped: Mapping[int, Drop]
) -> dict[int, Drop]:
    seen = answers if one.when == VOTE else [answer for answer in answers if answer.number not in dropped]
    reasons = one.judge(seen, one.params.model_validate(settings))
    return {number: Drop(key, reason) for number, reason in reasons.items()}
