"""Texts on one line."""

from __future__ import annotations

from templates.shortened import shortened


def test_a_text_is_shortened_to_one_line() -> None:
    assert shortened("one\n two " + "x" * 90, 12) == "one two xxx…"
