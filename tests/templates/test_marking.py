"""The parts of an answer that count in a suite."""

from __future__ import annotations

from templates.marking import (
    bare,
    canonical_call,
    canonical_json,
    cased,
    json_in,
    mentioned,
    number,
    numbers,
    without_citation,
)


def test_parts_of_an_answer() -> None:
    assert without_citation(" Brogaton [2].") == without_citation("Brogaton") == "Brogaton"
    assert canonical_json('{"b": 1,"a": "x"}') == canonical_json(' {"a": "x", "b": 1}')
    assert canonical_json("no json ") == "no json"
    call = '<tool_call>{"name": "f", "arguments": {"b": 1, "a": 2}}</tool_call>'
    assert canonical_call(call) == canonical_call(' <tool_call>{"arguments": {"a":2,"b":1}, "name": "f"}</tool_call>')
    assert canonical_call('{"name": "f"}') != canonical_call('<tool_call>{"name": "f"}</tool_call>')


def test_numbers_of_an_answer() -> None:
    assert number("3 + 4 = 7. That was 1 sum.") == number("7") == number("It is 7.0") == "7"
    assert number("seven") == ""
    assert numbers("From 9 to 1:\n9, 4") == "9 1"
    assert numbers("Sorted: 2, 5,9") == "2 5 9"
    assert numbers("just 4") == ""


def test_words_of_an_answer() -> None:
    mark = mentioned(["Delhi", "New Delhi", "Rome"])
    assert mark("I think it is new delhi. Not Rome.") == "new delhi"
    assert mark("Romeo") == mark("") == ""
    assert mentioned(["hot", "cold"], last=True)("The opposite of hot is cold. Hot!") == "cold"
    assert bare(' "The  Cat."\nmore') == "the cat"
    assert cased("“OLD Bridge”.") == "OLD Bridge"
    assert json_in('Here: {"b": 1, "a": 2}.') == '{"a": 2, "b": 1}'
