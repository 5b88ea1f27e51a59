"""The training form's goals, and the ways to a goal that has several."""

from __future__ import annotations

from storage.models import Dataset
from templates import registry
from templates.errors import BadInput, Problem
from templates.spec import Objective


def of_data(dataset: Dataset) -> list[tuple[str, str]]:
    """The goals that can learn from the data's shape, as choices.

    Raises `BadInput` for data that no objective accepts.
    """
    keys = dict.fromkeys(registry.goal_of(objective.key) for objective in _able(dataset))
    return [(f"{goal.title} — {goal.summary}", key) for key in keys if (goal := registry.goal(key))]


def objectives(dataset: Dataset) -> list[str]:
    """The keys of the objectives that can learn from the data's shape, the advised one first."""
    return [key for _, goal in of_data(dataset) for _, key in ways(goal, dataset)]


def ways(goal: str, dataset: Dataset) -> list[tuple[str, str]]:
    """The ways to a goal that can learn from the data's shape, as choices, the advised one first."""
    declared = registry.goals().get(goal)
    advised = declared.advised if declared else ""
    fitting = [way for way in registry.ways_to(goal) if dataset.shape in way.row_shapes]
    return [(f"{way.title}{' (advised)' * (way.key == advised)} — {way.summary}", way.key) for way in fitting]


def chosen(goal: str, way: str | None) -> str:
    """The objective behind the two choices: the first way to a goal that was just chosen."""
    if way and registry.goal_of(way) == goal:
        return way
    return registry.ways_to(goal)[0].key


def fitting(objective: str, dataset: Dataset) -> str:
    """The objective, or the first way to the same goal that takes the data's shape, or else the advised objective."""
    able = objectives(dataset)
    if objective in able:
        return objective
    goal = registry.goal_of(objective) if objective in registry.objectives() else None
    same_goal = [key for key in able if registry.goal_of(key) == goal]
    return (same_goal or able)[0]


def has_ways(objective: str) -> bool:
    """Whether the objective is one of several ways to a goal."""
    return registry.goal_of(objective) in registry.goals()


def hint(goal: str, dataset: Dataset) -> str:
    """What to know before choosing a way: the goal's own hint, and the ways that this data rules out."""
    declared = registry.goals().get(goal)
    unfit = [way.title for way in registry.ways_to(goal) if dataset.shape not in way.row_shapes]
    kind = registry.shape(dataset.shape).title
    ruled_out = f"Not for rows of the kind “{kind}”: {'; '.join(unfit)}." if unfit else ""
    return " ".join(filter(None, (declared.hint if declared else "", ruled_out)))


def _able(dataset: Dataset) -> list[Objective]:
    able = registry.objectives_for(dataset.shape)
    if able:
        return able
    shape = registry.shape(dataset.shape)
    answerable = "Choose other data, or open it on the Data page and let a model answer its prompts."
    raise BadInput(
        Problem(
            f"“{dataset.name}” holds rows of the shape {dataset.shape}, from which no goal learns yet.",
            field="data",
            remedy=answerable
            if not shape.has_answers and shape.messages
            else "Choose other data, or add the file again with another shape.",
        )
    )
