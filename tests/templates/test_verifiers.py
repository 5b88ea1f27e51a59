"""Checks that reward answers: exactly what passes, and what is refused before a launch."""

from __future__ import annotations

import json
from typing import Any

import pytest

from templates import registry, rewards, timed_patterns, verifier
from templates.errors import BadInput
from templates.recipe import compose
from templates.verifiers.regular_expression import Pattern

RUNS_AWAY = r"^(xy|x|y)+$"
CASES: list[tuple[str, dict[str, Any], str, str, bool]] = [
    ("exact_answer", {}, " 42\n", "42", True),
    ("exact_answer", {}, "42.", "42", False),
    ("number_equals", {}, "3 + 4 = 7", "7", True),
    ("number_equals", {}, "The total is $1,000.50 in all.", "1000.5", True),
    ("number_equals", {}, "12.50", "12.5", True),
    ("number_equals", {}, "-3", "3", False),
    ("number_equals", {}, "1,5", "1.5", False),
    ("number_equals", {}, "7 or 8", "7", False),
    ("number_equals", {}, "seven", "7", False),
    ("number_equals", {"number_tolerance": 0.1}, "3.1", "3", True),
    ("number_equals", {"number_tolerance": 0.1}, "3.2", "3", False),
    ("number_equals", {}, "1234567890123", "1234567890124", False),
    ("number_equals", {}, "9" * 400, "9" * 400, True),
    ("number_equals", {}, "9" * 400, "9" * 399 + "8", False),
    ("label", {}, "“Refund.”", "refund", True),
    ("label", {}, "It is a refund", "refund", False),
    ("label", {"label_only": False}, "It is a refund", "refund", True),
    ("label", {"label_only": False}, "refunds", "refund", False),
    ("length", {"min_words": 2, "max_words": 3}, "one two three", "", True),
    ("length", {"min_words": 2, "max_words": 3}, "one", "", False),
    ("length", {"min_words": 2, "max_words": 3}, "one two three four", "", False),
    ("regular_expression", {"pattern": "^(yes|no)$"}, " yes ", "", True),
    ("regular_expression", {"pattern": "^(yes|no)$"}, "yes, or no", "", False),
    ("json_schema", {}, '{"a": 1}', "", True),
    ("json_schema", {}, 'Here you are: {"a": 1}', "", False),
    ("json_schema", {}, '{"a": 1, "a": 2}', "", False),
    ("json_schema", {}, "NaN", "", False),
    ("json_schema", {}, "[" * 100_000, "", False),
    ("json_schema", {"json_schema": '{"type": "object", "required": ["city"]}'}, '{"city": "Rome"}', "", True),
    ("json_schema", {"json_schema": '{"type": "object", "required": ["city"]}'}, '{"town": "Rome"}', "", False),
    ("json_schema", {"json_schema": '{"type": "string", "pattern": "^a+$"}'}, '"aa"', "", True),
    ("json_schema", {"json_schema": '{"type": "string", "pattern": "^a+$"}'}, '"ab"', "", False),
    ("json_schema", {"json_schema": '{"multipleOf": 0.01}'}, "19.99", "", True),
    ("json_schema", {"json_schema": '{"multipleOf": 0.01}'}, "19.999", "", False),
    ("json_schema", {"json_schema": '{"multipleOf": 2}'}, "1e999", "", False),
    ("json_schema", {"json_schema": '{"properties": {"patternProperties": {"type": "string"}}}'}, "{}", "", True),
    ("json_schema", {"json_schema": '{"$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}}'}, "null", "", True),
]


@pytest.mark.parametrize(("key", "settings", "answer", "reference", "expected"), CASES)
def test_what_passes(key: str, settings: dict[str, Any], answer: str, reference: str, expected: bool) -> None:
    one = verifier.verifiers()[key]
    assert one.passes(answer, reference, one.params(**settings)) is expected


def test_every_check_says_what_passes_and_is_tried_here() -> None:
    assert {case[0] for case in CASES} == set(verifier.verifiers())
    assert all(one.page.startswith("Passes if") for one in verifier.verifiers().values())


@pytest.mark.parametrize(
    ("settings", "field", "words"),
    [
        ({"verifiers": ["luck"]}, "verifiers", "Input should be"),
        ({"max_words": 5}, "max_words", "check “length”"),
        ({"verifiers": ["length"], "min_words": 9, "max_words": 5}, "max_words", "min_words"),
        ({"verifiers": ["length"], "length_weight": 0}, "length_weight", "more than 0"),
        ({"verifiers": ["regular_expression"], "pattern": "("}, "pattern", "not a regular expression"),
        ({"verifiers": ["json_schema"], "json_schema": "{]"}, "json_schema", "not valid JSON"),
        ({"verifiers": ["json_schema"], "json_schema": '{"type": "nothing"}'}, "json_schema", "not a JSON schema"),
        ({"verifiers": ["json_schema"], "json_schema": '{"$ref": "https://a.b/c"}'}, "json_schema", "leads out"),
        ({"verifiers": ["json_schema"], "json_schema": '{"$ref": "#/$defs/a"}'}, "json_schema", "leads nowhere"),
        ({"verifiers": ["length"], "min_words": 60}, "max_words", "min_words"),
        ({"num_generations": 1}, "num_generations", "at least 2"),
    ],
)
def test_wrong_settings_are_refused_in_words(settings: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(BadInput, match=words) as error:
        compose("grpo", "lora", settings=settings)
    assert field in {problem.field.split(".")[0] for problem in error.value.problems if problem.field}


@pytest.mark.parametrize("pattern", ["(x+x+)+y", "(=|==)+$", r"^(\W|\W\W)+$"])
def test_a_pattern_that_runs_away_is_refused(pattern: str) -> None:
    assert "takes too long" in timed_patterns.flaw(pattern)


def test_a_pattern_that_is_too_large_or_too_deep_is_refused_before_it_is_read() -> None:
    assert "repeats too often" in timed_patterns.flaw("((a{1000}){1000}){1000}")
    assert "repeats too often" in timed_patterns.flaw("(?x)((a{1 000}){10#\n00}){1000}")
    assert timed_patterns.flaw("(" * 499 + ")" * 499) == "is nested too deeply"


def test_usual_patterns_are_accepted() -> None:
    assert timed_patterns.flaw(r"^\w{1,10000}$") == ""
    assert timed_patterns.flaw(r"^[\w.+-]+@[\w-]+\.[\w.-]+$") == ""
    assert timed_patterns.flaw(r"^\d{3}-[A-Z]+$") == ""


def test_a_search_that_runs_away_after_all_says_so() -> None:
    assert timed_patterns.flaw(RUNS_AWAY) == "", "no trial text alternates"
    with pytest.raises(timed_patterns.TooSlow, match="took more than") as refused:
        verifier.verifiers()["regular_expression"].passes("xy" * 40 + "q", "", Pattern(pattern=RUNS_AWAY))
    assert (refused.value.code, refused.value.problems[0].field) == ("pattern_too_slow", "pattern")
    one = verifier.verifiers()["json_schema"]
    settings = one.params(json_schema=json.dumps({"type": "string", "pattern": RUNS_AWAY}))
    with pytest.raises(timed_patterns.TooSlow):
        one.passes(json.dumps("xy" * 40 + "q"), "", settings)


def test_a_schema_may_be_given_as_an_object() -> None:
    recipe = compose("grpo", "lora", settings={"verifiers": ["json_schema"], "json_schema": {"type": "object"}})
    assert recipe.objective_params["json_schema"] == '{"type": "object"}'


def test_settings_of_checks_that_are_not_picked_are_idle() -> None:
    params = registry.objective("grpo").params
    assert "max_words" not in params.idle_with({"verifiers": ["length", "label"]})
    assert {"max_words", "pattern", "length_weight"} <= params.idle_with({"verifiers": ["label"]})
    assert "label_weight" in params.idle_with({"verifiers": ["label"]})
    changed = params.idle_with({"verifiers": ["label"], "label_weight": 5.0})
    assert "label_weight" not in changed, "its size counts also alone"
    assert "label_weight" not in params.idle_with({"verifiers": ["label", "length"]})


def test_prompts_alone_can_only_be_checked_without_an_answer() -> None:
    params = registry.objective("grpo").params
    alone, answered = registry.shape("prompt_only"), registry.shape("prompt_completion")
    assert rewards.misfits(params(verifiers=["length"]), alone) == []
    assert rewards.misfits(params(verifiers=["number_equals"]), answered) == []
    (problem,) = rewards.misfits(params(verifiers=["number_equals", "length"]), alone)
    assert problem.field == "verifiers"
    assert "number_equals compares" in problem.message


def test_data_opens_with_what_needs_no_check() -> None:
    for shape in ("prompt_completion", "messages", "classification", "prompt_only"):
        assert registry.objectives_for(shape)[0].goal != rewards.GOAL
