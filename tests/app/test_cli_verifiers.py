"""Checks on the command line."""

from __future__ import annotations

import json

import pytest

from app.cli import main, verifiers
from templates.errors import BadInput
from templates.verifier import verifiers as known


def test_options_become_settings() -> None:
    given = ["number_equals", "length:0.2:max_words=40,min_words=2", r"regular_expression:2:pattern=^\d{1,3}:a=b$"]
    assert verifiers.settings(given) == {
        "verifiers": ["number_equals", "length", "regular_expression"],
        "length_weight": 0.2,
        "max_words": 40,
        "min_words": 2,
        "regular_expression_weight": 2,
        "pattern": r"^\d{1,3}:a=b$",
    }
    assert verifiers.settings(None) == {}


def test_a_schema_may_hold_commas_and_colons() -> None:
    schema = '{"type": "object", "required": ["a", "b"]}'
    assert verifiers.settings([f"json_schema:1:json_schema={schema}"])["json_schema"] == schema


def test_wrong_options_are_all_named() -> None:
    with pytest.raises(BadInput) as error:
        verifiers.settings(["luck", "length:1:most=3", "label", "label"])
    said = [str(problem) for problem in error.value.problems]
    assert len(said) == 3
    assert "“luck” is not a check" in said[0]
    assert "min_words, max_words" in said[1]
    assert "given twice" in said[2]


def test_the_command_lists_every_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verifiers", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {one["key"] for one in told} == set(known())
    assert all(one["page"] and one["weight"] for one in told)
