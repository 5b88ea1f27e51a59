"""What the form for a judge opens with: the models, the dataset and the service that the address or the past names."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from app.pages import comparison
from app.pages.who import asked
from storage.data import datasets
from storage.judging import judgements, voted
from storage.models import Dataset, User
from templates import registry
from templates.at_strength import AtStrength
from templates.errors import Problem
from templates.quantities import plural
from templates.shortened import shortened

VOTES_ALONE = ""
LONGEST_NAME = 80


@dataclass(frozen=True)
class Opening:
    """What is chosen at first."""

    judged: str
    against: str
    data: str
    """The name of a dataset, or `VOTES_ALONE`."""
    problems: tuple[Problem, ...]
    """What is wrong with the address."""


def of(user: User, request: gr.Request, data: list[str]) -> Opening:
    """The choices that the address names (`model`, `against`, `data`); usual ones for the rest."""
    known = comparison.known_models(user)
    named = {key: asked(request, key) for key in ("model", "against", "data")}
    wrong = [_unknown("model", named[key]) for key in ("model", "against") if named[key] and named[key] not in known]
    if named["data"] and named["data"] not in data:
        wrong.append(_unknown("dataset of prompts with held-out rows", named["data"]))
    judged, against = (named[key] if named[key] in known else "" for key in ("model", "against"))
    first, second = _couple(user, known, against, judged)
    usual = next(filter(None, data), VOTES_ALONE)
    chosen = named["data"] if named["data"] in data else ""
    return Opening(second, first, chosen or usual, tuple(wrong))


def _unknown(what: str, name: str) -> Problem:
    return Problem(f"There is no {what} “{shortened(name, LONGEST_NAME)}”.", remedy="Choose another one in the form.")


def models(user: User) -> list[tuple[str, str]]:
    """The models with their votes, as choices; those with the most votes first."""
    n_votes: dict[str, int] = {}
    for couple, n in voted.couples(user):
        for name in couple:
            n_votes[name] = n_votes.get(name, 0) + n
    names = sorted(comparison.known_models(user), key=lambda one: -n_votes.get(one, 0))
    return [(f"{one} · {plural(n_votes[one], 'vote')}" if one in n_votes else one, one) for one in names]


def _couple(user: User, known: dict[str, str], first: str, second: str) -> tuple[str, str]:
    """Both models, where one or both aren't named: those with the most votes, or a result and the model before it."""
    if first and second:
        return first, second
    for (one, other), _n in voted.couples(user):
        if one in known and other in known and {first, second} - {""} <= {one, other}:
            one_first = other == second or one == first or (not first and not second and known[one] == "base")
            return (one, other) if one_first else (other, one)
    if first:
        return first, next((one for one in known if one != first), first)
    before, after = [one.name for one in comparison.with_base(user, [AtStrength(second)] if second else [])][:2]
    if before != after:
        return before, after
    return next((one for one in known if one != after), after), after


def with_held_out(user: User) -> list[str]:
    """The names of the user's datasets whose held-out prompts models can answer."""
    return [one.name for one in datasets.of_user(user) if has_held_out(one)]


def has_held_out(data: Dataset) -> bool:
    """Whether models can answer held-out prompts of this dataset."""
    return bool(data.n_held_out and registry.shape(data.shape).messages)


def last_service(user: User) -> dict[str, str]:
    """Address and model of the service that judged last; empty without one."""
    found = (job.spec.get("endpoint") for job in judgements.newest(user, 20))
    return next((dict(one) for one in found if one), {})
