"""Tells a model's reasoning from its answer, by the words that its chat template puts around them.

The words are found by rendering a turn with reasoning; if the template has no place for it, they are
`<think>` and `</think>`. Some templates put words before every answer (an empty `<think></think>`, a
channel's name): they are not part of the answer either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import NamedTuple

from storage.rendering import turn_ends, turn_spans
from storage.rendering.chat_templates import ChatTemplate
from templates.errors import BadInput

_USER = {"role": "user", "content": "q0zx"}
_REASONING, _ANSWER = "q1zx", "q2zx"


class Words(NamedTuple):
    """The texts before and after reasoning."""

    opens: str
    closes: str


THINK = Words("<think>", "</think>")


@dataclass(frozen=True)
class Said:
    """What a model said."""

    answer: str
    """Empty when it was cut off in its reasoning."""
    reasoning: str | None = None
    is_unfinished: bool = False
    """It was cut off in its reasoning: there is no answer."""
    has_ended: bool = False
    """A token that ends answers, but not reasoning, follows the answer."""


@dataclass(frozen=True)
class Reasoning:
    """How one base model's answers are told from its reasoning."""

    words: tuple[Words, ...] = (THINK,)
    """The template's own words first."""
    lead: str = ""
    """What the template puts before an answer without reasoning."""
    begins_open: bool = False
    """The prompt already opens the reasoning."""
    ends: str = ""
    """A token that ends an answer, but stands after reasoning too; empty if there is none."""

    @classmethod
    def of(cls, template: ChatTemplate, source: str) -> Reasoning:
        """The template's words. `source` is its text."""
        try:
            prompt = template.text([_USER], add_generation_prompt=True)
        except BadInput:
            return cls()
        lead = turn_ends.lead(template)
        own = _own_words(_reasoned(template), prompt)
        if own is None and not all(word in source for word in THINK):
            return cls(lead="" if THINK.opens in lead else lead.strip())
        words = (own, THINK) if own and own != THINK else (THINK,)
        lead = lead.replace(words[0].opens, "").replace(words[0].closes, "") if words[0].closes in lead else lead
        return cls(words, lead.strip(), prompt.rstrip().endswith(words[0].opens))

    @property
    def pattern(self) -> str:
        """A regular expression (DOTALL) for what comes before an answer, for programs outside the studio."""
        blocks = "|".join(rf"{re.escape(one.opens)}.*?(?:{re.escape(one.closes)}|\Z)\s*" for one in self.words)
        lead = rf"(?:{re.escape(self.lead)})?" if self.lead else ""
        return rf"\A\s*(?:{blocks})*{lead}"

    def split(self, text: str) -> Said:
        """What was said, from the decoded text with its special tokens."""
        found: list[str] = []
        rest = f"{self.words[0].opens}{text}" if self.begins_open else text
        while words := next((one for one in self.words if rest.lstrip().startswith(one.opens)), None):
            inner, closed, rest = rest.lstrip()[len(words.opens) :].partition(words.closes)
            found.append(inner.strip())
            if not closed:
                return Said("", _joined(found), is_unfinished=True)
        if self.lead and rest.lstrip().startswith(self.lead):
            rest = rest.lstrip()[len(self.lead) :]
        answer, ended, _ = rest.partition(self.ends) if self.ends else (rest, "", "")
        return Said(answer, _joined(found), has_ended=bool(ended))

    def split_text(self, written: str) -> str:
        """A written answer without a finished reasoning block before it."""
        said = replace(self, begins_open=False, lead="", ends="").split(written)
        return written if said.is_unfinished else said.answer


def _joined(found: list[str]) -> str | None:
    return "\n\n".join(filter(None, found)) or None


def _reasoned(template: ChatTemplate) -> str:
    """A conversation with reasoning; empty if the template refuses it or leaves it out."""
    turn = {"role": "assistant", "content": _ANSWER, "reasoning_content": _REASONING}
    try:
        text = template.text([_USER, turn])
    except BadInput:
        return ""
    return text if _REASONING in text else ""


def _own_words(text: str, prompt: str) -> Words | None:
    """The words around reasoning that the template writes; None if it has no place for it."""
    start, answer = text.find(_REASONING), text.rfind(_ANSWER)
    if not 0 <= start < answer:
        return None
    closes = text[start + len(_REASONING) : answer].strip()
    opens = text[min(turn_spans.common(text, prompt), start) : start].strip()
    if tag := re.fullmatch(r"</(\w+)>", closes):
        opens = f"<{tag[1]}>"  # the prompt may open it already
    return Words(opens, closes) if opens and closes else None


class ReasoningStream:
    """Splits arriving text into reasoning and answer as early as it is certain."""

    def __init__(self, reasoning: Reasoning):
        self._of = reasoning
        self._open: Words | None = reasoning.words[0] if reasoning.begins_open else None
        self._in_answer = False
        self._held = ""
        self.had_block = self._open is not None
        """A reasoning block, empty or not, came before the answer."""
        self.has_ended = False
        """A token that ends the answer has come: the text after it doesn't belong to it."""

    def take(self, text: str, *, is_last: bool = False) -> tuple[str, str]:
        """The reasoning and the answer that `text` makes certain."""
        self._held += text
        thought = answer = ""
        while True:
            if self._open:
                piece, goes_on = self._up_to(self._open.closes, is_last)
                thought += piece
                if not goes_on:
                    return thought, answer
                self._open = None
            elif not self._in_answer:
                if not self._begin(is_last):
                    return thought, answer
            else:
                piece, goes_on = self._up_to(self._of.ends, is_last)
                self.has_ended = self.has_ended or goes_on
                return thought, answer + piece

    def _up_to(self, word: str, is_last: bool) -> tuple[str, bool]:
        """The held text before `word`, and whether `word` was met; text that may be its start is kept."""
        if word and word in self._held:
            piece, _, self._held = self._held.partition(word)
            return piece, True
        n_kept = 0 if is_last else _overlap(self._held, word)
        piece, self._held = self._held[: len(self._held) - n_kept], self._held[len(self._held) - n_kept :]
        return piece, False

    def _begin(self, is_last: bool) -> bool:
        """Whether the held text is enough to tell what begins here."""
        rest = self._held.lstrip()
        starts = [*(words.opens for words in self._of.words), *filter(None, [self._of.lead])]
        for words in self._of.words:
            if rest.startswith(words.opens):
                self._open, self._held, self.had_block = words, rest[len(words.opens) :], True
                return True
        if not is_last and any(start.startswith(rest) for start in starts if len(rest) < len(start)):
            return False
        if self._of.lead and rest.startswith(self._of.lead):
            self._held = rest[len(self._of.lead) :]
        self._in_answer = True
        return True


def _overlap(text: str, word: str) -> int:
    """Length of the longest end of `text` that is a beginning of `word`."""
    return next((n for n in range(min(len(text), len(word) - 1), 0, -1) if text.endswith(word[:n])), 0)
