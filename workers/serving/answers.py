"""Turns arriving tokens into the text of an answer and of the reasoning before it. Knows nothing about models.

A byte-level tokenizer splits a character over several tokens, so text is shown only up to its last
complete character. Text that could be the start of a stop string is held back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from storage.rendering.reasoning import ReasoningStream

UNFINISHED = "\ufffd"
"""What decoders return for bytes that are not (yet) a character."""


class Answer:
    """Takes token ids and returns text to show; text that was returned never changes.

    With `reasoning`, `decode` must keep special tokens, since they may separate it from the answer; `clean`
    removes them from what is shown.
    """

    def __init__(
        self,
        decode: Callable[[list[int]], str],
        stop: Sequence[str] = (),
        *,
        reasoning: ReasoningStream | None = None,
        clean: Callable[[str], str] = str,
    ):
        self._decode = decode
        self._reasoning = reasoning
        self._clean = clean
        self._stop = [text for text in stop if text]
        self._ids: list[int] = []
        # The decoding window starts one settled piece early, because decoders treat the
        # first token of a text differently (many drop its space).
        self._window = 0
        self._settled = 0
        self._given = 0
        """Characters after the settled ones that were already returned."""
        self._held = ""
        self._begun = False
        self._reasoned = False
        self._thought = ""
        self.stopped = False
        """A stop string occurred: it and the text after it don't belong to the answer."""

    def take(self, token: int) -> str:
        """Add a token; returns the text that it makes certain, often none."""
        self._ids.append(token)
        settled = len(self._decode(self._ids[self._window : self._settled]))
        text = self._decode(self._ids[self._window :])
        complete = text.rstrip(UNFINISHED)
        fresh = complete[settled + self._given :]
        self._given += len(fresh)
        if complete == text and len(text) > settled:
            self._window, self._settled, self._given = self._settled, len(self._ids), 0
        return self._split(fresh)

    def flush(self) -> str:
        """The text held back, once no more tokens will follow."""
        if self.stopped:
            return ""
        settled = len(self._decode(self._ids[self._window : self._settled]))
        rest = self._decode(self._ids[self._window :])[settled + self._given :]
        text = self._split(rest, is_last=True)
        last, self._held = ("" if self.stopped else self._held), ""
        return text + last

    def thought(self) -> str:
        """The reasoning that became certain since the last call."""
        text, self._thought = self._thought, ""
        return text

    def _split(self, fresh: str, *, is_last: bool = False) -> str:
        thought, answer = self._reasoning.take(fresh, is_last=is_last) if self._reasoning else ("", fresh)
        thought = self._clean(thought) if self._reasoned else self._clean(thought).lstrip()
        self._reasoned = self._reasoned or bool(thought)
        self._thought += thought
        text = self._pass_on(self._clean(answer))
        self.stopped = self.stopped or bool(self._reasoning and self._reasoning.has_ended)
        return text

    def _pass_on(self, fresh: str) -> str:
        if fresh and not self._begun:
            # ChatML-style templates render " " + content: that space is not part of the answer, nor are
            # the line breaks after reasoning.
            after_block = self._reasoning is not None and self._reasoning.had_block
            fresh = fresh.lstrip() if after_block else fresh.removeprefix(" ")
            self._begun = bool(fresh) or not after_block
        pending = self._held + fresh
        met = [pending.index(stop) for stop in self._stop if stop in pending]
        if met:
            self.stopped, self._held = True, ""
            return pending[: min(met)]
        n_held = max((_overlap(pending, stop) for stop in self._stop), default=0)
        self._held = pending[len(pending) - n_held :]
        return pending[: len(pending) - n_held]


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that is a beginning of `stop`."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)
