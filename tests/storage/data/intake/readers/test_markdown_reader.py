"""Markdown: a row a section, word for word; without headings it is a text like any other."""

from __future__ import annotations

import pytest

from storage.data.intake.readers import markdown
from tests.storage.data.intake.readers.conftest import Extract

GUIDE = """---
title: Guide
tags: [a, b]
---

Before all.

# One #

Some *text*
- a list

```python
# no heading
```

Two
===
## Three
   text | more
--- | ---

Four
----

last
"""


def test_sections_are_kept_word_for_word(extract: Extract) -> None:
    found = extract("guide.md", GUIDE.encode())
    assert found.format == "markdown"
    assert found.column("text") == [
        "Before all.",
        "# One #\n\nSome *text*\n- a list\n\n```python\n# no heading\n```",
        "Two\n===\n## Three\n   text | more\n--- | ---",
        "Four\n----\n\nlast",
    ]
    assert found.column("title") == [None, "One", "Two › Three", "Four"]
    assert found.numbers == [6, 8, 17, 23]
    assert "between lines of “---”, were left out" in found.said


def test_line_ends_do_not_matter(extract: Extract) -> None:
    assert extract("guide.md", GUIDE.replace("\n", "\r\n").encode()).rows == extract("guide.md", GUIDE.encode()).rows


@pytest.mark.parametrize(
    ("filename", "text", "format"),
    [
        ("notes.md", "no headings\n\nat all\n", "plain_text"),
        ("notes.md", "# one only\n\nwith text\n", "plain_text"),
        ("notes.md", "intro\n\n# and one\n\nwith text\n", "markdown"),
        ("notes.markdown", "# one\na\n# two\nb\n", "markdown"),
        ("notes", "# one\na\n# two\nb\n", "markdown"),
        ("notes.txt", "# one\na\n# two\nb\n", "plain_text"),
        ("notes.csv", "# one,two\na,b\n# two,c\n", "delimited"),
        ("notes.md", "#no heading\na\n\n#nor this\n", "plain_text"),
        ("notes.md", "    # code\na\n\n    # code\nb\n", "plain_text"),
        ("notes.md", "```\n# code\na\n# code\nb\n", "plain_text"),
        ("notes.md", "a\n***\nb\n\n- item\n---\nc\n", "plain_text"),
        ("table.md", "text,label\na,b\nc,d\n", "delimited"),
    ],
)
def test_headings_make_it_markdown(extract: Extract, filename: str, text: str, format: str) -> None:
    found = extract(filename, text.encode())
    assert found.format == format
    if format == "plain_text":
        assert "the content is" not in found.said


def test_a_rule_at_the_begin_is_no_front_matter(extract: Extract) -> None:
    found = extract("notes.md", b"---\n\nJust a text\n\n# One\na\n# Two\nb\n")
    assert found.column("text") == ["---\n\nJust a text", "# One\na", "# Two\nb"]


def test_headings_are_those_of_commonmark(extract: Extract) -> None:
    text = """```
code
```
Right after it
===
- # in a list
> # in a quote
<!--
# in a comment
-->

two lines
of text
---
    # code

\\# no mark
   ### Last ###
"""
    found = extract("notes.md", text.encode())
    assert found.column("title") == [None, "Right after it", "Last"]
    assert "\n".join(found.column("text")) == text.rstrip("\n").replace("\n\n   ###", "\n   ###")


def test_a_text_that_is_parsed_in_pieces_is_parsed_as_a_whole(
    extract: Extract, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = GUIDE.encode() * 3
    whole = extract("guide.md", text)
    for n_lines in (1, 2, 7):
        monkeypatch.setattr(markdown, "WINDOW_LINES", n_lines)
        assert extract("guide.md", text).rows == whole.rows


def test_hostile_lines_take_no_time(extract: Extract) -> None:
    blanks = " " * 400_000
    text = f"# a{blanks}b {'#' * 400_000} c\n\nx\n\n{blanks}\u2003{blanks}y\n---\n" + "`" * 400_000 + "\n# b\nz\n"
    assert extract("notes.md", text.encode()).format in ("markdown", "plain_text")
