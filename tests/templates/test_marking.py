"""The parts of an answer that count in a suite."""

from __future__ import annotations

from templates.suites.marking import canonical_call, canonical_json, without_citation


def test_parts_of_an_answer() -> None:
    assert without_citation(" Brogaton [2].") == without_citation("Brogaton") == "Brogaton"
    assert canonical_json('{"b": 1,"a": "x"}') == canonical_json(' {"a": "x", "b": 1}')
    assert canonical_json("no json ") == "no json"
    call = '<tool_call>{"name": "f", "arguments": {"b": 1, "a": 2}}</tool_call>'
    assert canonical_call(call) == canonical_call(' <tool_call>{"arguments": {"a":2,"b":1}, "name": "f"}</tool_call>')
    assert canonical_call('{"name": "f"}') != canonical_call('<tool_call>{"name": "f"}</tool_call>')
