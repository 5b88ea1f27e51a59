"""Text shows up complete, once, and without what follows a stop string."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from storage.rendering.reasoning import Reasoning, ReasoningStream
from workers.serving.answers import Answer

TEXTS = [
    "Plain words, and more of them.",
    "emoji 🤖🧪 and 👩‍👩‍👧 family, then 中文字符 and ελληνικά",
    "  two spaces, a\n\nnewline\tand a tab ",
    "🤖",
    "ends in an emoji 🧪",
]


@pytest.fixture(scope="module")
def tokenizer(nano_folder: Path) -> Tokenizer:
    return Tokenizer.from_file(str(nano_folder / "tokenizer.json"))


def bytes_decoder(ids: list[int]) -> str:
    """One token a byte: the worst case of every byte-level tokenizer."""
    return bytes(ids).decode("utf-8", "replace")


def said(answer: Answer, ids: list[int]) -> list[str]:
    pieces = [answer.take(token) for token in ids]
    return [*pieces, answer.flush()]


@pytest.mark.parametrize("text", TEXTS)
def test_pieces_join_to_the_whole_text(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    pieces = said(Answer(tokenizer.decode), ids)
    assert "".join(pieces) == tokenizer.decode(ids).removeprefix(" ")
    assert not any("\ufffd" in piece for piece in pieces)


@pytest.mark.parametrize("text", TEXTS)
def test_a_character_is_never_shown_in_part(text: str) -> None:
    pieces = said(Answer(bytes_decoder), list(text.encode()))
    assert "".join(pieces) == text.removeprefix(" ")
    assert not any("\ufffd" in piece for piece in pieces)


def test_bytes_that_are_no_character_are_shown_in_the_end_not_lost() -> None:
    ids = [*b"ok ", 0xF0, 0x9F, *b"then"]
    assert "".join(said(Answer(bytes_decoder), ids)) == bytes(ids).decode("utf-8", "replace")
    ids = [*b"cut ", 0xF0, 0x9F]
    assert "".join(said(Answer(bytes_decoder), ids)) == bytes(ids).decode("utf-8", "replace")


def test_one_leading_space_is_the_templates() -> None:
    assert "".join(said(Answer(bytes_decoder), list(b" card_arrival"))) == "card_arrival"
    assert "".join(said(Answer(bytes_decoder), list(b"  x"))) == " x"


def test_stop_strings_and_what_follows_are_not_shown() -> None:
    answer = Answer(bytes_decoder, ["\n\n", "END"])
    pieces = [answer.take(token) for token in b"one\ntwo EN EN"]
    assert "".join(pieces) == "one\ntwo EN "
    assert not answer.stopped
    assert answer.take(ord("D")) == ""
    assert answer.stopped
    assert answer.flush() == ""


def test_what_was_held_back_for_a_stop_string_is_shown_at_the_end() -> None:
    assert "".join(said(Answer(bytes_decoder, ["END"]), list(b"the EN"))) == "the EN"


def test_the_earliest_stop_string_wins() -> None:
    answer = Answer(lambda ids: "ab cd ef" if ids else "", ["ef", "cd"])
    assert answer.take(1) == "ab "
    assert answer.stopped


def reasoned(text: str) -> tuple[str, str, bool]:
    answer = Answer(bytes_decoder, ["STOP"], reasoning=ReasoningStream(Reasoning()))
    thought, shown = "", ""
    for token in text.encode():
        shown += answer.take(token)
        thought += answer.thought()
    return thought + answer.thought(), shown + answer.flush(), answer.stopped


def test_reasoning_is_apart_from_the_answer_and_has_no_stop_strings() -> None:
    assert reasoned("<think>\nSTOP? 🤖\n</think>\n\n 4 STOP") == ("STOP? 🤖\n", "4 ", True)
    assert reasoned("<think>\n\n</think>\n\nrefund") == ("", "refund", False)
    assert reasoned("<think>half") == ("half", "", False)
    assert reasoned(" <thin ice") == ("", "<thin ice", False)
