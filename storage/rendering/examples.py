"""Training examples: token ids, which of them are learned, and the text that people see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from storage.rendering.turn_spans import Span


@dataclass(frozen=True)
class Piece:
    """A piece of a rendered row: the model learns `trained` ones; `cut` ones are beyond the maximum row length."""

    text: str
    trained: bool
    cut: bool


@dataclass(frozen=True)
class Rendered:
    """One training example: its ids, which of them are learned, and how many were cut off at the end."""

    ids: list[int]
    trained: list[bool]
    n_cut: int
    n_cut_trained: int
    """Cut-off tokens that would have been learned."""
    pieces: list[Piece]
    is_last_only: bool = False
    """Only the last turn is learned: the template leaves out a part of an earlier answer, such as its reasoning."""

    @property
    def n_trained(self) -> int:
        """Tokens that carry loss; the first token of an example can't be predicted."""
        return sum(self.trained[1:])


@dataclass(frozen=True)
class Encoded:
    """A text with its tokens."""

    text: str
    ids: list[int]
    offsets: list[Span]
    """Character span of each token in `text`; tokens of one split character share its span."""

    def example(self, start: int, stop: int, shown_to: int, trained: Sequence[bool]) -> Rendered:
        """Tokens `start:stop`, shown up to `shown_to`; `trained` is for the tokens `start:shown_to`."""
        kinds = [(learned, start + i >= stop) for i, learned in enumerate(trained)]
        begins = [i for i in range(len(kinds)) if i == 0 or kinds[i] != kinds[i - 1]]
        places = [*(self._begin(start + i) for i in begins), self._begin(shown_to)]
        pieces = [Piece(self.text[a:b], *kinds[i]) for (a, b), i in zip(pairwise(places), begins, strict=True) if b > a]
        n_kept = stop - start
        return Rendered(self.ids[start:stop], list(trained[:n_kept]), shown_to - stop, sum(trained[n_kept:]), pieces)

    def _begin(self, token: int) -> int:
        """The start of a token's shown text; spaces between tokens belong to the token before."""
        if token == 0:
            return 0
        return self.offsets[token][0] if token < len(self.offsets) else len(self.text)


def tokens_within(offsets: Sequence[Span], spans: Sequence[Span]) -> list[bool]:
    """For each token, whether it stands in one of the character `spans`.

    A token that crosses an edge of a span counts as inside it. A token without width (the tokenizer
    trimmed its spaces) counts where it ends.
    """
    within = [False] * len(offsets)
    for start, end in spans:
        touched = [i for i, (a, b) in enumerate(offsets) if (a < end and b > start) or (a == b and start < a < end)]
        if touched:
            within[touched[0] : touched[-1] + 1] = [True] * (touched[-1] + 1 - touched[0])
    return within
