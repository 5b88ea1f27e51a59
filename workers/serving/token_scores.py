"""How likely the model found each token of an answer, and which tokens it found likeliest at its place.

The probabilities are the model's own, at temperature 1 and before `top_p`, whatever the answer was drawn with.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from workers.serving.events import Scored, ScoredToken

IMPOSSIBLE = -9999.0
"""OpenAI's value for a token that can't come: JSON has no infinity."""


class TokenScores:
    """Scores the tokens of one answer."""

    def __init__(self, decode: Callable[[list[int]], str], before: int, n_top: int):
        """`before` is the token before the answer: most decoders drop the space of a text's first token."""
        self._decode, self._before, self._n_top = decode, before, n_top

    def score(self, token: int, logits: Tensor) -> ScoredToken:
        """The chosen token and the `n_top` likeliest, from the logits `(vocabulary,)` at its place."""
        logprobs = torch.log_softmax(logits.float(), dim=-1)
        best = logprobs.topk(min(self._n_top, len(logprobs)))
        top = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        chosen = self._scored(token, float(logprobs[token]))
        return ScoredToken(chosen, tuple(self._scored(each, value) for each, value in top))

    def _scored(self, token: int, logprob: float) -> Scored:
        return Scored(self._text(token), max(IMPOSSIBLE, logprob))

    def _text(self, token: int) -> str:
        return self._decode([self._before, token]).removeprefix(self._decode([self._before]))
