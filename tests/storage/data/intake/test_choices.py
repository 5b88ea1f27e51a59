"""Several columns can fill one field, whatever their names contain."""

from __future__ import annotations

import pytest

from storage.data.intake import columns_of, normal


@pytest.mark.parametrize(
    ("choice", "names", "columns"),
    [
        ("subject+body", ["subject", "body"], ["subject", "body"]),
        ("body + subject", ["subject", "body"], ["body", "subject"]),
        ("C++", ["C++", "text"], ["C++"]),
        ("C++ + text", ["C++", "C", "text"], ["C++", "text"]),
        ("a + b", ["a + b", "a", "b"], ["a + b"]),
        ("a + b + c", ["a + b", "c"], ["a + b", "c"]),
        ("gone + a", ["a"], ["gone", "a"]),
        ("gone", ["a"], ["gone"]),
    ],
)
def test_a_choice_is_split_into_known_columns(choice: str, names: list[str], columns: list[str]) -> None:
    assert columns_of(choice, names) == columns


def test_a_choice_is_stored_in_one_form() -> None:
    names = ["subject", "body"]
    assert {normal(choice, names) for choice in ("subject+body", "subject + body", ["subject", "body"])} == {
        "subject + body"
    }
    assert (normal("", names), normal([], names), normal(["body"], names)) == ("", "", "body")
