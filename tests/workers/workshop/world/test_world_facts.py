"""The small world is the same every time, and everything in it can be said and asked."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

import pytest

from workers.workshop.world.draw import Draw
from workers.workshop.world.facts import world
from workers.workshop.world.lists import kinds, lists, with_article, words
from workers.workshop.world.names import MAKERS
from workers.workshop.world.relations import Relation, relations

EVERY_RELATION = [relation for found in relations().values() for relation in found]


def test_there_are_about_a_thousand_facts_and_a_sixth_is_only_stated() -> None:
    found = world()
    assert 900 <= len(found.facts) <= 1000
    assert len(found.stated) == len(found.facts) // 6
    assert set(map(id, found.facts)) == set(map(id, chain(found.asked, found.stated)))
    assert {kind: len(names) for kind, names in found.entities.items()} == {
        "city": 40,
        "company": 40,
        "person": 120,
        "product": 40,
        "river": 24,
    }


def test_another_seed_is_another_world() -> None:
    assert set(world(1).entities["person"]).isdisjoint(world(2).entities["person"])


def test_no_new_name_is_one_of_the_world(drawn: Callable[..., Draw]) -> None:
    draw = drawn()
    taken = set(chain.from_iterable(world().entities.values()))
    firsts = {name.split()[0] for name in taken}
    assert len(firsts) == len(taken)
    for kind in MAKERS:
        new = {draw.novel(kind) for _ in range(2000)}
        assert len(new) > 1900
        assert new.isdisjoint(taken)
        assert {name.split()[0] for name in new}.isdisjoint(firsts)


def test_no_name_is_an_english_word(drawn: Callable[..., Draw]) -> None:
    draw = drawn()
    assert {draw.name().lower() for _ in range(5000)}.isdisjoint(words())


@pytest.mark.parametrize("relation", EVERY_RELATION, ids=lambda r: f"{r.kind}.{r.key}")
def test_every_relation_can_be_said_and_asked_in_enough_ways(relation: Relation) -> None:
    statements, questions = relation.statements, relation.questions
    assert len(set(statements.known)) >= 4
    assert len(set(statements.held_out)) >= 1
    assert len(set(questions.known)) >= 5
    assert len(set(questions.held_out)) >= 2
    assert len(relation.ending.known) >= 2
    for statement in statements.known + statements.held_out:
        assert "{s}" in statement
        assert ("{v}" in statement) != ("{an}" in statement)
        assert statement.endswith(".")
    for question in questions.known + questions.held_out:
        assert question.count("{s}") == 1
        assert "{v}" not in question


def test_no_statement_begins_with_a_value_that_is_written_small(drawn: Callable[..., Draw]) -> None:
    draw = drawn()
    for relation in EVERY_RELATION:
        for statement in relation.statements.known + relation.statements.held_out:
            assert not statement.startswith("{an}")
            if statement.startswith("{v}"):
                first = relation.value(draw)[0]
                assert first.isupper() or first.isdigit(), (relation.key, statement)


def test_no_word_has_two_kinds_or_two_topics() -> None:
    for group in (kinds(), lists()["topics"], lists()["feelings"]):
        every = list(chain.from_iterable(group.values()))
        assert len(every) == len(set(every))


def test_the_article_is_that_of_the_first_letter() -> None:
    assert with_article("owl") == "an owl"
    assert with_article("goat") == "a goat"
