"""Rows from one template are found by what they share, and only if numbers and names don't matter."""

from __future__ import annotations

import time

import pytest

from storage.data.rows.templated import groups

LATE = "delivery"


@pytest.mark.parametrize(
    "texts",
    [
        ["My order 123 has not arrived yet.", "My order 456 has not arrived yet.", "my order 7 has not arrived yet"],
        ["Order #A-12 is late, please help me", "Order #B-99 is late, please help me"],
        ["Dear Mr Miller, your parcel has been sent.", "Dear Ms Adams, your parcel has been sent."],
        ["Dear Mr. Miller, your parcel has been sent.", "Dear Dr. Jane Adams, your parcel has been sent."],
        ["Please tell Anna that I am late today.", "Please tell John Smith that I am late today."],
        ["Sehr geehrter Herr Meier, Ihr Paket ist da.", "Sehr geehrter Herr Schulze, Ihr Paket ist da."],
        ["I paid 12.50 on 3/4/2024 and want it back", "I paid 8.00 on 12/11/2023 and want it back"],
        ["Write to ann@example.org about my broken lamp", "Write to bob@example.com about my broken lamp"],
        ["我的订单123到现在还没有送到", "我的订单45678到现在还没有送到"],
    ],
)
def test_numbers_and_names_make_no_other_row(texts: list[str]) -> None:
    assert groups(texts, [LATE] * len(texts)) == [[*range(len(texts))]]


@pytest.mark.parametrize(
    "rows",
    [
        [("What is the sum of 12 and 13?", "25"), ("What is the sum of 40 and 2?", "42")],
        [("Is it true that 7 is more than 5?", "yes"), ("Is it true that 3 is more than 5?", "no")],
        [("12 + 13 =", "25"), ("11 + 14 =", "25")],
        [("Where is my parcel, please tell me", LATE), ("Where is my refund, please tell me", LATE)],
        [("Wo ist die bestellte Lampe geblieben", LATE), ("Wo ist die bestellte Tasse geblieben", LATE)],
        [("Where is my order that I paid for", LATE), ("Where is my order that I paid for", LATE)],
    ],
)
def test_rows_that_ask_something_else_stay_apart(rows: list[tuple[str, str]]) -> None:
    assert groups([prompt for prompt, _ in rows], [answer for _, answer in rows]) == []


def test_an_answer_may_repeat_the_number_and_the_name() -> None:
    prompts = [f"I am {name} and wait for order {n} since Monday" for name, n in (("Ann", 1), ("Bob", 22), ("Eve", 3))]
    answers = [f"Dear {name}, order {n} is on its way." for name, n in (("Ann", 1), ("Bob", 22), ("Eve", 3))]
    assert groups(prompts, answers) == [[0, 1, 2]]
    assert groups(prompts, [f"It comes in {n} days." for n in (2, 3, 4)]) == []


def test_thousands_of_rows_take_seconds() -> None:
    texts = [f"Where is parcel {i}? I ordered it for Mr Miller in week {i % 50}." for i in range(4_000)]
    began = time.process_time()
    assert len(groups(texts, [LATE] * len(texts))[0]) == len(texts)
    assert time.process_time() - began < 5


def test_a_phrase_that_comes_twice_among_many_is_no_template() -> None:
    others = [f"{word} and then something else again" for word in "abcdefghijklmnopqrstuvwxyz"]
    twice = ["My order 1 has not arrived yet", "My order 2 has not arrived yet"]
    answers = [LATE] * 28
    assert groups([*others, *twice], answers) == []
    assert groups([*others[:10], *twice], answers[:12]) == [[10, 11]]
    often = [f"My order {n} has not arrived yet" for n in range(8)]
    assert groups([*others * 3, *often], [LATE] * 86) == [[*range(78, 86)]]
