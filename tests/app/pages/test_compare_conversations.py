"""A comparison's conversations, as the browser keeps them."""

from __future__ import annotations

import pytest

from app.pages.conversations import goes_on, last_message, read, written
from templates.errors import BadInput

TALK = [{"role": "user", "content": "<b> & ${x}"}, {"role": "assistant", "content": "“yes”\n"}]
PAIR = ["a", "b"]


def test_conversations_come_back_as_they_went() -> None:
    assert read(written([TALK, []], PAIR), PAIR, 4) == [TALK, [], [], []]
    assert read("", PAIR, 2) == [[], []]
    unanswered = [*TALK, {"role": "user", "content": "lost"}, {"role": "assistant", "content": ""}]
    assert read(written([unanswered], ["a"]), ["a"], 1) == [TALK]


@pytest.mark.parametrize("kept", ['{"talks": [[{"role": "user"}]], "models": []}', "[[]]", "{", "1"])
def test_what_cannot_be_read_says_what_to_do(kept: str) -> None:
    with pytest.raises(BadInput, match="Start over"):
        read(kept, PAIR, 2)


def test_they_go_on_with_the_same_models_only() -> None:
    kept = written([TALK, TALK], PAIR)
    assert read(kept, ["a", "c"], 2) == [[], []]
    assert read(kept, ["a", "b", "c"], 3) == [[], [], []]
    assert read(kept, ["a"], 2) == [TALK, TALK]
    assert goes_on(kept, PAIR)
    assert goes_on(kept, ["a"])
    assert not goes_on(kept, ["b", "a"])
    assert goes_on("", ["a"])
    assert last_message(kept) == "<b> & ${x}"
    assert last_message("") == ""
