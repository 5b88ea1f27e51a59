"""What each filter drops, with its reason; every filter has examples."""

from __future__ import annotations

from typing import Any

import pytest

from storage.data.answers import expected, filtering
from storage.data.answers.answer_filter import Answer, filters
from storage.data.answers.filtering import Drop
from templates import registry
from templates.jobs.generate import GenerateParams

LONG = "The river Elbe rises in the Krkonoše mountains and flows through Dresden and Hamburg into the North Sea"


def said(*texts: str, wanted: str | None = None, ended: bool = True, each_prompt: bool = False) -> list[Answer]:
    """Answers to one prompt, or each to its own, numbered from 1."""
    return [
        Answer(n, n if each_prompt else 7, f"prompt {n if each_prompt else 7}", text, wanted, ended)
        for n, text in enumerate(texts, 1)
    ]


CASES: dict[str, list[tuple[list[Answer], dict[str, Any], list[int]]]] = {
    "agreement": [
        (said("Paris", "paris.", "Lyon"), {}, [3]),
        (said("Paris", "Lyon"), {}, [1, 2]),
        (said("Paris", "Paris", "Lyon", "Nice", "Brest"), {}, [1, 2, 3, 4, 5]),
        (said("Paris", "Paris", "Lyon", "Nice", "Brest"), {"min_agreement": 0.4}, [3, 4, 5]),
        (said("It is 42.", "6 times 7 makes 42", "41"), {"agree_on": "number"}, [3]),
        (said("Paris", "", ""), {}, [1, 2, 3]),
        (said("a", "b", each_prompt=True), {}, []),
    ],
    "same_text": [(said(" Refund.", "“refund”", "delivery", wanted="refund"), {}, [3]), (said("x"), {}, [1])],
    "same_number": [
        (said("So it is 1,000.", "1000.0", "1000 or 999", "many", wanted="#### 1000"), {}, [3, 4]),
        (said("7", wanted="seven"), {}, [1]),
    ],
    "contains_label": [
        (said("I say: Refund, please", "refunds", "no", wanted="refund"), {}, [2, 3]),
        (said("我想退款可以吗", "好", wanted="退款"), {}, [2]),
    ],
    "length": [
        (said("ab", "abcdef", "abc"), {"min_characters": 3, "max_characters": 5}, [1, 2]),
        (said("x" * 2001, "x" * 2000), {}, [1]),
    ],
    "cut_off": [([*said("and so", ended=False), Answer(9, 9, "p", "Done.")], {}, [1])],
    "refusals": [
        (
            said("I'm sorry, but I can't help with that.", "As an AI language model, I …", "Sorry to hear that!"),
            {},
            [1, 2],
        ),
        (said("抱歉，我无法回答这个问题。", "我不知道"), {}, [1]),
    ],
    "exact_duplicates": [
        (said("Yes", "yes ", "No"), {}, [2]),
        (said("Yes", "Yes", each_prompt=True), {}, []),
    ],
    "near_duplicates": [
        (said(LONG, f"{LONG}.", "Something else entirely, about bread and how one bakes it"), {}, [2]),
        (said(f"{LONG} after 1094 km", f"{LONG} after 1095 km"), {}, []),
        (said(LONG, LONG + "!", each_prompt=True), {}, []),
    ],
}


def test_every_filter_has_examples() -> None:
    assert CASES.keys() == filters().keys()


@pytest.mark.parametrize(("key", "case"), [(key, case) for key in CASES for case in CASES[key]])
def test_what_a_filter_drops(key: str, case: Any) -> None:
    answers, settings, dropped = case
    one = filters()[key]
    found = one.judge(answers, one.params.model_validate(settings))
    assert sorted(found) == dropped
    assert all(reason.strip().endswith((".", "”")) for reason in found.values())


def test_settings_have_names_of_their_own() -> None:
    names = [name for one in filters().values() for name in one.params.model_fields]
    assert len(names) == len(set(names)), "settings are given in one flat object"
    assert not set(names) & set(GenerateParams.model_fields)


def test_votes_see_all_answers_and_an_answers_first_reason_counts() -> None:
    answers = said("I'm sorry, I can't say.", "4", "4", "four and a half")
    picked, problems = filtering.pick(["exact_duplicates", "refusals", "agreement"], {"min_agreement": 0.6})
    assert problems == []
    drops = filtering.judged(answers, picked, {4: Drop("empty", "x")})
    assert {number: drop.filter for number, drop in drops.items()} == {
        1: "agreement",
        2: "agreement",
        3: "agreement",
        4: "empty",
    }
    picked, _ = filtering.pick(["exact_duplicates", "refusals"], {})
    drops = filtering.judged(answers, picked, {})
    assert {number: drop.filter for number, drop in drops.items()} == {1: "refusals", 3: "exact_duplicates"}


def test_problems_come_all_at_once() -> None:
    _, problems = filtering.pick(["length", "magic"], {"min_characters": 9, "max_characters": 3, "min_agreement": 0.5})
    told = " ".join(str(one) for one in problems)
    assert "“magic” is no filter" in told
    assert "must not be smaller than min_characters (got 3)" in told
    assert "“agreement”, which is not picked" in told
    picked, _ = filtering.pick(["same_text", "agreement"], {})
    assert len(filtering.misfits(picked, registry.shape("prompt_only"), 1)) == 2
    assert filtering.misfits(picked, registry.shape("classification"), 2) == []


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12 apples, 3.50 each", "3.5"),
        ("1,234,567", "1234567"),
        ("-7°", "-7"),
        ("１２", "12"),
        ("none", ""),
        ("\u22125", "-5"),
        ("12 m²", "12"),
        (".5", "0.5"),
        ("1e3", "1000"),
        ("1.5e-3", "0.0015"),
        ("3-5", "5"),
        ("1234567890123", "1234567890123"),
        ("9" * 400, "9" * 400),
    ],
)
def test_last_number(text: str, number: str) -> None:
    assert expected.last_number(text) == number
