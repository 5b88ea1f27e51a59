"""Conversations with tools and reasoning come out in one form, and what can't be kept is refused by its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from storage.data.intake import Findings, conversations, tool_use
from storage.data.intake.cell import Cell

ASK = {"role": "user", "content": "When?"}
END = {"role": "assistant", "content": "At nine."}
FUNCTION = {"name": "find", "arguments": {"town": "Bern", "n": 2}}
CALLED = {"role": "assistant", "content": None, "tool_calls": [{"type": "function", "function": FUNCTION}]}
RESULT = {"role": "tool", "content": "9:00"}


def read(messages: Any) -> tuple[list[dict[str, Any]] | None, Findings]:
    findings = Findings("f.jsonl")
    return conversations.read(messages, 7, "messages", findings), findings


def offered(value: Any) -> tuple[list[dict[str, Any]] | None, Findings]:
    findings = Findings("f.jsonl")
    return tool_use.tools(value, Cell(7, "tools", findings)), findings


def as_text(function: dict[str, Any]) -> dict[str, Any]:
    return {**function, "arguments": json.dumps(function["arguments"])}


SHAREGPT = [
    {"from": "human", "value": "When?"},
    {"from": "function_call", "value": json.dumps(FUNCTION)},
    {"from": "observation", "value": "9:00"},
    {"from": "gpt", "value": "At nine."},
]
LAYOUTS: dict[str, list[Any]] = {
    "objects": [ASK, CALLED, RESULT, END],
    "text arguments": [
        ASK,
        {"role": "assistant", "tool_calls": [{"type": "function", "function": as_text(FUNCTION)}]},
        RESULT,
        END,
    ],
    "bare calls": [ASK, {"role": "assistant", "content": "", "tool_calls": [FUNCTION]}, RESULT, END],
    "legacy": [
        ASK,
        {"role": "assistant", "content": None, "function_call": as_text(FUNCTION)},
        {"role": "function", "content": "9:00"},
        END,
    ],
    "nulls of a table": [
        {**ASK, "tool_calls": None, "tool_call_id": None, "name": None},
        {**CALLED, "tool_call_id": None},
        {**RESULT, "tool_calls": None, "tool_call_id": None},
        {**END, "tool_calls": None},
    ],
    "parts": [
        {"role": "user", "content": [{"type": "text", "value": "When?"}]},
        {"role": "assistant", "content": [{"type": "tool_call", "value": json.dumps(FUNCTION)}]},
        {"role": "tool", "content": [{"type": "text", "text": "9:00"}]},
        END,
    ],
    "ShareGPT": SHAREGPT,
    "ShareGPT, a list": [SHAREGPT[0], {"from": "function_call", "value": json.dumps([FUNCTION])}, *SHAREGPT[2:]],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_comes_out_the_same(layout: str) -> None:
    found, findings = read(LAYOUTS[layout])
    assert findings.problems == []
    assert found == [ASK, CALLED, RESULT, END]


def test_ids_names_and_several_calls_are_kept() -> None:
    calls = [{"id": f"c{i}", "type": "function", "function": FUNCTION} for i in range(2)]
    results = [{"role": "tool", "content": "", "tool_call_id": f"c{i}", "name": "find"} for i in range(2)]
    turn = {"role": "assistant", "content": "I look.", "tool_calls": calls}
    found, findings = read([ASK, turn, *results, END])
    assert (found, findings.problems, findings.remarks) == ([ASK, turn, *results, END], [], [])
    assert read([ASK, turn])[0] == [ASK, turn]


@pytest.mark.parametrize(
    "turn",
    [
        {"role": "assistant", "content": "Nine.", "reasoning_content": "It is early."},
        {"role": "assistant", "content": "Nine.", "thinking": "It is early."},
        {"role": "assistant", "content": "Nine.", "reasoning": "It is early.", "reasoning_content": "It is early."},
        {
            "role": "assistant",
            "content": [{"type": "reasoning", "value": "It is early."}, {"type": "text", "text": "Nine."}],
        },
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "It is early."}, {"type": "text", "text": "Nine."}],
        },
    ],
)
def test_reasoning_is_kept_apart_from_the_answer(turn: dict[str, Any]) -> None:
    found, findings = read([ASK, turn])
    assert findings.problems == []
    assert found == [ASK, {"role": "assistant", "content": "Nine.", "reasoning_content": "It is early."}]


def test_keys_that_hold_nothing_make_no_other_conversation() -> None:
    found, _ = read([ASK, {**END, "tool_calls": None, "reasoning_content": ""}])
    assert found == [ASK, END]


@pytest.mark.parametrize(
    ("turn", "field", "says"),
    [
        ({"tool_calls": [{**FUNCTION, "arguments": "{'town'"}]}, "tool_calls[0].arguments", "JSON"),
        ({"tool_calls": [{**FUNCTION, "arguments": "[1]"}]}, "tool_calls[0].arguments", "a list"),
        ({"function_call": {**FUNCTION, "arguments": '{"a": 1, "a": 2}'}}, "function_call.arguments", "twice"),
        ({"tool_calls": [{"function": {"name": "find"}}]}, "tool_calls[0].function.arguments", "is null"),
        ({"tool_calls": [{"function": {**FUNCTION, "name": " "}}]}, "tool_calls[0].function.name", "is empty"),
        ({"tool_calls": [{"type": "custom", "function": FUNCTION}]}, "tool_calls[0].type", "“custom”"),
        ({"tool_calls": [{"id": 3, "function": FUNCTION}]}, "tool_calls[0].id", "a number"),
        ({"tool_calls": ["find"]}, "tool_calls[0]", "a text, not a call"),
        ({"tool_calls": "find"}, "tool_calls", "can't be read as a call"),
        ({"tool_calls": True}, "tool_calls", "true or false, not a call"),
        ({"function_call": "find()"}, "function_call", "can't be read as a call"),
        ({"tool_calls": [FUNCTION], "function_call": FUNCTION}, "function_call", "repeats “tool_calls”"),
        ({"content": [{"type": "tool_call", "value": "{"}]}, "content[0]", "can't be read as a call"),
        (
            {"content": [{"type": "tool_call", "value": json.dumps(FUNCTION)}, {"type": "text", "text": "so"}]},
            "content[1]",
            "after a tool call",
        ),
        ({"content": [{"type": "image", "value": "x"}]}, "content[0]", "only texts"),
        ({"content": None, "reasoning_content": "hm"}, "content", "null"),
        ({"content": "Nine.", "reasoning_content": ["hm"]}, "reasoning_content", "a list"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_by_its_place(turn: dict[str, Any], field: str, says: str) -> None:
    found, findings = read([ASK, {"role": "assistant", **turn}])
    assert found is None
    assert [(p.row, p.field) for p in findings.problems] == [(7, f"messages[1].{field}")]
    assert says in findings.problems[0].message


def test_only_the_assistant_calls_and_it_has_the_last_word() -> None:
    assert "only the assistant" in read([{**ASK, "tool_calls": [FUNCTION]}, END])[1].problems[0].message
    assert "ends with the tool's turn" in read([ASK, CALLED, RESULT])[1].problems[0].message


FUNCTION_TOOL = {"name": "find", "description": "Finds.", "parameters": {"type": "object", "properties": {}}}
TOOL = {"type": "function", "function": FUNCTION_TOOL}


@pytest.mark.parametrize(
    "value",
    [
        [TOOL],
        json.dumps([TOOL]),
        [FUNCTION_TOOL],
        [{"function": FUNCTION_TOOL}],
        [{"type": "function", **FUNCTION_TOOL}],
    ],
)
def test_tools_come_out_as_openai_writes_them(value: Any) -> None:
    found, findings = offered(value)
    assert (found, findings.problems) == ([TOOL], [])


@pytest.mark.parametrize("value", [None, "", " ", "[]", [], "null"])
def test_no_tools_are_none(value: Any) -> None:
    assert offered(value)[0] is None
    assert offered(value)[1].problems == []


@pytest.mark.parametrize(
    ("value", "field", "says"),
    [
        ("[{", "tools", "can't be read as a list of tools"),
        (TOOL, "tools", "an object, not a list"),
        (7, "tools", "a number, not a list"),
        (["find"], "tools[0]", "not a tool"),
        ([{"type": "function", "function": {"description": "x"}}], "tools[0].function.name", "name of a function"),
        ([TOOL, {"function": "find"}], "tools[1].function", "not a function"),
    ],
)
def test_broken_tools_are_refused_by_their_place(value: Any, field: str, says: str) -> None:
    _, findings = offered(value)
    assert [(p.row, p.field) for p in findings.problems] == [(7, field)]
    assert says in findings.problems[0].message


def test_what_is_nested_far_too_deep_is_refused() -> None:
    deep: Any = {}
    for _ in range(60):
        deep = {"a": deep}
    _, findings = read([ASK, {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": deep}}]}])
    assert "nested far too deep" in findings.problems[0].message
    assert "nested far too deep" in offered([{"name": "f", "parameters": deep}])[1].problems[0].message
