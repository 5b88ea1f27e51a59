"""The inputs of jobs and results, in words."""

from __future__ import annotations

from typing import Any

from storage.gallery.chains import Chain
from storage.job_inputs import Input, Inputs
from storage.models import Dataset
from templates.continuation import WORDS
from templates.roles import Role

PLAIN = (Role.BASE, Role.MODEL, Role.TRAINING, Role.HELD_OUT, Role.PROMPTS)
"""Roles that need no label before a name."""
DELETED = "deleted data"
SHORT = 12
"""Characters of a hash."""


def models(inputs: Inputs) -> str:
    """The names of the models that were used."""
    return ", ".join(_name(one) for one in inputs if not isinstance(one.thing, Dataset))


def beside_chain(inputs: Inputs) -> list[str]:
    """The names of the models that were used besides the one at the end of a chain, such as the teacher."""
    return [_name(one) for one in inputs if not isinstance(one.thing, Dataset) and one.role != Role.BASE]


def data(inputs: Inputs) -> str:
    """The names of the datasets that were used; those with a label come last, so that it is not read as all of them."""
    used = [one for one in inputs if isinstance(one.thing, Dataset)]
    return ", ".join(_name(one) for one in sorted(used, key=lambda one: one.role not in PLAIN))


def _name(one: Input) -> str:
    is_gone = isinstance(one.thing, Dataset) and one.thing.deleted_at is not None
    name = DELETED if is_gone else one.thing.name
    return name if one.role in PLAIN else f"{one.role.replace('_', ' ')}: {name}"


def chain(found: Chain) -> list[str]:
    """The base model and each training on top of it, in words."""
    steps = []
    for one in found.steps:
        gone, goal = ", deleted" if one.deleted else "", one.objective.replace("_", " ")
        how = f"{goal}, {one.method} on {one.data}" if goal else WORDS.get(one.continued, one.continued)
        steps.append(f"{one.name} ({how}{gone})")
    return [found.root.name, *steps]


def teacher(told: dict[str, Any]) -> list[str]:
    """What is known of a teacher, in words."""
    known = {"at": told.get("host"), "revision": told.get("revision"), "weights": told.get("weights_sha256")}
    words = [f"{what} {value if what == 'at' else value[:SHORT]}" for what, value in known.items() if value]
    licence = [f"licence {told['license']}"] if told.get("license") else []
    return [told["name"], *words, *licence] if told else []
