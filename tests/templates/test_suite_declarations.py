"""The suites as declared: frozen, complete, and marked as intended."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import get_args

import pytest

from templates import discovery, registry
from templates.errors import BadInput
from templates.spec import Family, SuiteItem
from templates.suites import everyday

SUM = re.compile(r"(\d+) (?:\+|and) (\d+)")


@pytest.fixture(scope="module")
def items() -> list[SuiteItem]:
    """Those of the everyday suite."""
    return everyday.read()


def asked(items: list[SuiteItem], ability: str) -> list[tuple[str, str]]:
    return [(item.messages[-1]["content"], item.answer) for item in items if item.ability == ability]


def marked(ability: str, answer: str) -> str:
    return everyday.SPEC.abilities[ability].parts[ability](answer)


def test_a_suite_is_its_file() -> None:
    assert list(registry.suites()) == discovery.keys("templates.suites") == ["everyday", "general"]
    assert registry.suite("everyday").page.startswith("Simple questions in plain English")
    with pytest.raises(BadInput, match="everyday, general"):
        registry.suite("yesterday")


def test_each_family_of_bases_has_its_suite() -> None:
    families = [suite.forgetting_of for suite in registry.suites().values() if suite.forgetting_of]
    assert sorted(families) == sorted(get_args(Family))


def test_the_everyday_suite_is_as_large_as_it_should_be(items: list[SuiteItem]) -> None:
    counted = Counter(item.ability for item in items)
    assert set(counted) == set(everyday.SPEC.abilities)
    assert len(counted) >= 8
    assert set(counted.values()) == {20}
    questions = [json.dumps(item.messages) for item in items]
    assert len(set(questions)) == len(questions) == 300


def test_every_expected_answer_is_right_and_no_question_gives_it_away(items: list[SuiteItem]) -> None:
    for item in items:
        assert marked(item.ability, item.answer), item
    for ability in ("capitals", "general_knowledge", "opposites", "plurals", "addition", "word_problems", "topic"):
        for question, answer in asked(items, ability):
            assert marked(ability, question.partition("\n\n")[2] or question) != marked(ability, answer), question


def test_what_can_be_computed_is_right(items: list[SuiteItem]) -> None:
    for question, answer in asked(items, "addition"):
        found = SUM.search(question)
        assert found
        assert int(found[1]) + int(found[2]) == int(answer), question
    for question, answer in asked(items, "ordering"):
        numbers = [int(number) for number in question.partition(": ")[2].split(", ")]
        assert ", ".join(map(str, sorted(numbers))) == answer
        assert numbers != sorted(numbers)
    for question, answer in asked(items, "capital_letters"):
        assert question.partition(": ")[2].upper() == answer
    for question, answer in asked(items, "repeat"):
        assert question.partition(": ")[2] == answer
    for question, answer in asked(items, "json"):
        said = json.loads(answer)
        assert set(said) == {"name", "age"}
        assert said["name"] in question
        assert str(said["age"]) in question


@pytest.mark.parametrize(("ability", "share"), [("yes_or_no", 0.5), ("sentiment", 0.5), ("topic", 0.25)])
def test_no_answer_is_right_more_often_than_chance(items: list[SuiteItem], ability: str, share: float) -> None:
    counted = Counter(answer for _, answer in asked(items, ability))
    assert everyday.SPEC.abilities[ability].chance == share == max(counted.values()) / 20


def test_the_first_thing_named_is_right_as_often_as_the_second(items: list[SuiteItem]) -> None:
    firsts = [answer in question.partition(" or ")[0] for question, answer in asked(items, "comparing")]
    assert sum(firsts) == 10


@pytest.mark.parametrize(
    ("ability", "answer", "expected"),
    [
        ("capitals", "The capital of France is Paris.", "Paris"),
        ("capitals", "Paris is the capital of France, not Rome.", "Paris"),
        ("addition", "2 + 3 = 5. Is there anything else, like 7?", "5"),
        ("word_problems", "He has 1,5 or rather 5.0 apples", "5"),
        ("comparing", "An elephant is larger than a mouse.", "elephant"),
        ("yes_or_no", "Yes, ice is cold, no doubt.", "yes"),
        ("plurals", 'The plural of "child" is "children".', "children"),
        ("ordering", "Here they are:\n1, 2, 3", "1, 2, 3"),
        ("json", 'Sure! ```json\n{"age": 30, "name": "Anna"}\n```', '{"name": "Anna", "age": 30}'),
        ("repeat", '"The cat sleeps on the chair."\nDone.', "The cat sleeps on the chair."),
        ("capital_letters", "**SMALL DOG**.", "SMALL DOG"),
        ("reading", "The meeting is now on Thursday, no longer on Tuesday.", "Thursday"),
    ],
)
def test_an_answer_counts_by_what_it_says(ability: str, answer: str, expected: str) -> None:
    assert marked(ability, answer) == marked(ability, expected) != ""


@pytest.mark.parametrize(
    ("ability", "answer", "expected"),
    [
        ("capitals", "Rome, Paris or Madrid", "Paris"),
        ("capitals", "Parisian", "Paris"),
        ("addition", "I don't know", "5"),
        ("comparing", "A mouse is larger than an elephant.", "elephant"),
        ("reading", "The meeting was moved from Tuesday to Thursday", "Thursday"),
        ("capital_letters", "Small Dog", "SMALL DOG"),
        ("json", '{"name": "Anna"}', '{"name": "Anna", "age": 30}'),
    ],
)
def test_a_wrong_answer_does_not(ability: str, answer: str, expected: str) -> None:
    assert marked(ability, answer) != marked(ability, expected)
