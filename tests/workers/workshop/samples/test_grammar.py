"""Parts are dealt evenly, agree in number, and rows that come out too much alike are drawn again."""

from __future__ import annotations

from collections import Counter

import pytest

from workers.workshop.samples.grammar import Grammar, distinct_rows, noun, runs, words


@pytest.fixture
def grammar() -> Grammar:
    return Grammar("headlines")


def test_every_part_is_dealt_before_any_comes_again(grammar: Grammar) -> None:
    stems = grammar.lists["stem"]
    assert Counter(grammar.deal(stems) for _ in range(3 * len(stems))) == Counter(stems * 3)


def test_the_same_book_deals_the_same(grammar: Grammar) -> None:
    again = Grammar("headlines")
    assert [grammar.text("{stem} {2-90}") for _ in range(9)] == [again.text("{stem} {2-90}") for _ in range(9)]


def test_slots_are_filled_and_sentences_begin_large(grammar: Grammar) -> None:
    given = noun("old lamp")
    assert (
        grammar.text("here {is} {an item}.  is {it} {this} one? yes", given)
        == "Here is an old lamp. Is it this one? Yes"
    )
    assert grammar.text("the {item} break{s}; take {an_item}", noun("eggs*")) == "The eggs break; take some eggs"


def test_what_is_too_much_alike_is_drawn_again() -> None:
    drawn = iter(["red green blue", "red green blue", "red green 7", "one two three"])
    found = distinct_rows(lambda kind: {"text": next(drawn), "kind": kind}, ["a"], 3, field="text", most_alike=0.5)
    assert [row["text"] for row in found] == ["red green blue", "red green 7", "one two three"]


def test_too_few_parts_are_told() -> None:
    with pytest.raises(RuntimeError, match="too few parts for 2 rows"):
        distinct_rows(lambda kind: {"text": "always this"}, ["a", "b"], 1, field="text", most_alike=0.5)


def test_numbers_are_one_word() -> None:
    assert words("At 12, or 7 o'clock") == ["at", "0", "or", "0", "o'clock"]
    assert runs("a 1 b", 2) == runs("a 99 b", 2)
