"""Goals that several objectives are ways to, and objectives that stand alone."""

from __future__ import annotations

import pytest

from templates import registry
from templates.errors import BadInput


def test_every_goal_has_ways_and_advises_one_of_them() -> None:
    for key, goal in registry.goals().items():
        ways = [way.key for way in registry.ways_to(key)]
        assert len(ways) > 1, key
        assert ways[0] == goal.advised
        assert set(goal.methods) <= set(registry.methods())
        assert key not in registry.objectives(), "the address of the form has one name for one thing"
        assert len(goal.page) > 20


@pytest.mark.parametrize("objective", registry.objectives())
def test_every_objective_is_reached_by_its_goal(objective: str) -> None:
    goal = registry.goal_of(objective)
    assert objective in [way.key for way in registry.ways_to(goal)]
    assert registry.goal(goal).title
    assert goal in (*registry.goals(), objective), "a goal that an objective names is declared"


@pytest.mark.parametrize("objective", registry.objectives().values(), ids=lambda one: one.key)
def test_a_contrast_is_another_objective_for_some_of_the_same_rows(objective: registry.Objective) -> None:
    for key in objective.without_teacher:
        plain = registry.objective(key)
        assert not plain.roles
        assert set(plain.row_shapes) & set(objective.row_shapes)


def test_what_stands_alone_is_its_own_goal() -> None:
    assert registry.goal_of("sft") == "sft"
    assert registry.ways_to("sft") == [registry.objective("sft")]
    assert registry.goal("sft") is registry.objective("sft")
    with pytest.raises(BadInput):
        registry.ways_to("nothing")
