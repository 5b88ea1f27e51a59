"""The page Methods: the table of all methods, and the page of one."""

from __future__ import annotations

import pytest

from app.pages import method_views
from storage.bases import base_models, proposed
from storage.models import User
from templates import registry


def test_every_method_has_a_line_with_figures(studio: User) -> None:
    base_models.sync_bundled()
    facts = base_models.facts(proposed.base(studio))
    lines = [*method_views.lines(facts, expert=False), *method_views.lines(facts, expert=True)]
    assert {line.method.key for line in lines} == set(registry.methods())
    by_key = {line.method.key: line for line in lines}
    assert next(iter(by_key)) == "lora", "the most useful first, not the alphabet"
    places = [line.method.place for line in method_views.lines(facts, expert=False)]
    assert places == sorted(set(places)), "each of them has a place of its own"
    assert by_key["full"].share == "100 %"
    assert by_key["full"].what == "every weight"
    assert by_key["lora"].what == "matrices beside attention and feed-forward"
    assert by_key["lora"].precisions == "8, 4"
    assert by_key["loha"].precisions == "8"


@pytest.mark.parametrize("key", registry.methods())
def test_a_drawing_marks_what_the_method_changes(key: str) -> None:
    method = registry.method(key)
    assert method.changes
    drawn = str(method_views.picture(method))
    assert drawn.count('class="changed"') == len(method.changes)
    assert ("Virtual tokens" in drawn) == ("prompt" in method.changes)
