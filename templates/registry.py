"""Finds every kind of declaration: a file registers by existing in its folder."""

from __future__ import annotations

from functools import cache
from typing import TypeVar

from templates.artifact_kind import ArtifactKind
from templates.discovery import specs
from templates.errors import BadInput, Problem
from templates.job_kind import JobKind
from templates.spec import DeclaredSuite, Goal, Method, Objective, RowShape

Spec = TypeVar("Spec", Method, Goal, Objective, RowShape, JobKind, ArtifactKind, DeclaredSuite)


@cache
def methods() -> dict[str, Method]:
    """Every method, sorted by key."""
    return specs("templates.methods", Method)


@cache
def goals() -> dict[str, Goal]:
    """Every goal that several objectives are ways to, sorted by key."""
    return specs("templates.goals", Goal)


@cache
def objectives() -> dict[str, Objective]:
    """Every objective, sorted by key."""
    return specs("templates.objectives", Objective)


@cache
def shapes() -> dict[str, RowShape]:
    """Every row shape, sorted by key."""
    return specs("templates.shapes", RowShape)


@cache
def job_kinds() -> dict[str, JobKind]:
    """Every kind of job, sorted by key."""
    return specs("templates.jobs", JobKind)


@cache
def artifact_kinds() -> dict[str, ArtifactKind]:
    """Every kind of artifact, sorted by key."""
    return specs("templates.artifacts", ArtifactKind)


@cache
def suites() -> dict[str, DeclaredSuite]:
    """Every suite, sorted by key."""
    return specs("templates.suites", DeclaredSuite)


def objectives_for(shape: str) -> list[Objective]:
    """The objectives that take rows of this shape; may be empty.

    Those that need no other input, and no check to be picked, come first, and of them those that learn from the rows
    as they are. Of those with a teacher, the first are those that let it go before the training, and that take any
    teacher. Those that learn all training rows come before those that set some apart to choose among labels, and
    those whose results answer before those whose results score.
    """
    able = [objective for objective in objectives().values() if shape in objective.row_shapes]
    return sorted(able, key=_demands)


def _demands(objective: Objective) -> tuple[bool, bool, int, bool, bool, bool]:
    """What it needs besides rows, the least first."""
    cost = objective.cost
    return (
        bool(objective.roles) or objective.repairs or bool(objective.rewards(objective.params())),
        not makes_answering_models(objective.key),
        cost.generations,
        cost.holds_teacher,
        objective.same_vocabulary,
        objective.most_labels > 0,
    )


def makes_answering_models(objective_key: str) -> bool:
    """Whether the results of an objective can be chatted with; a reward model only scores answers."""
    return artifact_kind(objective(objective_key).makes[0]).answers


def goal_of(objective_key: str) -> str:
    """The key of the goal that an objective is a way to; its own if it stands alone."""
    return objective(objective_key).goal or objective_key


def goal(key: str) -> Goal | Objective:
    """The goal `key`, or the objective that stands alone as one. Raises `BadInput` naming the known objectives."""
    return goals().get(key) or objective(key)


def ways_to(goal_key: str) -> list[Objective]:
    """The objectives that are ways to a goal: the advised one, then those that take less of a machine.

    An objective that stands alone is the only way to itself.
    """
    if goal_key not in goals():
        return [objective(goal_key)]
    ways, advised = [one for one in objectives().values() if one.goal == goal_key], goals()[goal_key].advised
    return sorted(ways, key=lambda one: (one.key != advised, one.cost.generations, one.cost.holds_teacher))


def _get(table: dict[str, Spec], key: str, field: str) -> Spec:
    if key not in table:
        raise BadInput(Problem(f"“{key}” is not known.", field=field, remedy=f"Choose one of: {', '.join(table)}."))
    return table[key]


def method(key: str) -> Method:
    """The method `key`. Raises `BadInput` naming the known ones."""
    return _get(methods(), key, "method")


def objective(key: str) -> Objective:
    """The objective `key`. Raises `BadInput` naming the known ones."""
    return _get(objectives(), key, "objective")


def shape(key: str) -> RowShape:
    """The row shape `key`. Raises `BadInput` naming the known ones."""
    return _get(shapes(), key, "shape")


def job_kind(key: str) -> JobKind:
    """The kind of job `key`. Raises `BadInput` naming the known ones."""
    return _get(job_kinds(), key, "kind")


def artifact_kind(key: str) -> ArtifactKind:
    """The kind of artifact `key`. Raises `BadInput` naming the known ones."""
    return _get(artifact_kinds(), key, "kind")


def suite(key: str) -> DeclaredSuite:
    """The suite `key`. Raises `BadInput` naming the known ones."""
    return _get(suites(), key, "suite")
