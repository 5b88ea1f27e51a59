"""Decodes rows together: one forward pass per step, one key-value cache, any mix of adapters.

Rows join and leave between steps. New rows start as a separate batch, which the running one then
absorbs: caches are padded on the left to one length `(rows, heads, time, width)`, and the attention
mask `(rows, time)` hides the padding. A row's answer depends only on its own prompt, adapter, seed
and settings.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from workers.serving import row_caches
from workers.serving.answers import Answer
from workers.serving.events import Ended, Event, Piece, ScoredToken
from workers.serving.token_scores import TokenScores

BASE = "__base__"
"""PEFT's name for a row without an adapter in a mixed batch."""


@dataclass(eq=False)
class Row:
    """One answer in progress."""

    prompt: list[int]
    adapter: str
    answer: Answer
    tell: Callable[[Event], None]
    """Called in the decoding thread."""
    eos_ids: frozenset[int]
    max_tokens: int
    strength: float = 1.0
    """The share of the adapter's effect."""
    temperature: float = 0.0
    """0 always picks the likeliest token."""
    top_p: float = 1.0
    seed: int = 0
    scores: TokenScores | None = None
    """Reports how likely each token was, if asked for."""
    cancelled: bool = False
    """Set from any thread: the row leaves before the next step."""
    asked_at: float = field(default_factory=time.monotonic)
    n_tokens: int = 0
    last_token: int = -1
    first_at: float = 0.0

    def __post_init__(self) -> None:
        # Always on the CPU, so that a seed gives the same draws on every device.
        self._draws = torch.Generator().manual_seed(self.seed)
        self._scored: list[ScoredToken] = []
        """Tokens whose scores have not been reported yet."""

    def choose(self, logits: Tensor) -> int:
        """The next token from its `(vocabulary,)` logits, by this row's own temperature and seed."""
        token = self._chosen(logits)
        if self.scores and token not in self.eos_ids:
            self._scored.append(self.scores.score(token, logits))
        return token

    def _chosen(self, logits: Tensor) -> int:
        if self.temperature == 0:
            return int(logits.argmax())
        shares = torch.softmax(logits.float().cpu() / self.temperature, dim=-1)
        if self.top_p < 1:
            ranked, order = shares.sort(descending=True)
            ranked[ranked.cumsum(0) - ranked >= self.top_p] = 0
            shares = torch.zeros_like(shares).scatter(0, order, ranked)
        return int(torch.multinomial(shares, 1, generator=self._draws))

    def take(self, token: int) -> bool:
        """Add a token and report the text that became certain; False if the answer ended."""
        now = time.monotonic()
        self.first_at = self.first_at or now
        self.n_tokens += 1
        self.last_token = token
        if token in self.eos_ids:
            return self._end("stop", now)
        self._show(self.answer.take(token))
        if self.answer.stopped:
            return self._end("stop", now)
        return self.n_tokens < self.max_tokens or self._end("length", now)

    def _show(self, text: str) -> None:
        if thought := self.answer.thought():
            self.tell(Piece(thought, is_reasoning=True, tokens=self._unreported()))
        if text:
            self.tell(Piece(text, tokens=self._unreported()))

    def _unreported(self) -> tuple[ScoredToken, ...]:
        tokens, self._scored = tuple(self._scored), []
        return tokens

    def _end(self, reason: Literal["stop", "length"], now: float) -> bool:
        self._show(self.answer.flush())
        if self._scored:  # their text is not shown: a stop text, or what stands around reasoning
            self.tell(Piece("", tokens=self._unreported()))
        reason = "stop" if self.answer.stopped else reason
        later = self.n_tokens - 1
        pace = later / (now - self.first_at) if later and now > self.first_at else None
        self.tell(Ended(reason, self.n_tokens, self.first_at - self.asked_at, pace))
        return False


class Forward(Protocol):
    """One forward pass: logits of each row's last position `(rows, vocabulary)`, and the cache."""

    def __call__(
        self,
        ids: Tensor,
        mask: Tensor,
        positions: Tensor,
        cache: Any,
        adapters: Sequence[str],
        strengths: Sequence[float] = (),
    ) -> tuple[Tensor, Any]: ...


class Batch:
    """The rows that are decoded together."""

    def __init__(self, forward: Forward, device: torch.device):
        self._forward = forward
        self._device = device
        self._cache: Any = None
        self._mask = torch.empty(0, 0, dtype=torch.long, device=device)
        self.rows: list[Row] = []

    @torch.inference_mode()
    def start(self, rows: list[Row]) -> None:
        """Run the prompts of an empty batch's first rows and give each its first token."""
        longest = max(len(row.prompt) for row in rows)
        ids = torch.zeros(len(rows), longest, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for index, row in enumerate(rows):
            ids[index, longest - len(row.prompt) :] = torch.tensor(row.prompt)
            mask[index, longest - len(row.prompt) :] = 1
        ids, self._mask = ids.to(self._device), mask.to(self._device)
        positions = (self._mask.cumsum(-1) - 1).clamp(min=0)
        logits, self._cache = self._forward(ids, self._mask, positions, None, *_adapted(rows))
        row_caches.make_room(self._cache)
        self.rows = rows
        self._keep([row.take(row.choose(own)) for row, own in zip(rows, logits, strict=True)])

    @torch.inference_mode()
    def join(self, other: Batch) -> None:
        """Absorb the rows of another batch."""
        length = max(self._mask.shape[-1], other._mask.shape[-1])
        row_caches.join(self._cache, other._cache, length)
        masks = [torch.nn.functional.pad(mask, (length - mask.shape[-1], 0)) for mask in (self._mask, other._mask)]
        self._mask = torch.cat(masks)
        self.rows = [*self.rows, *other.rows]

    @torch.inference_mode()
    def step(self) -> None:
        """Add a token to every row; finished and cancelled rows leave."""
        self._keep([not row.cancelled for row in self.rows])
        if not self.rows:
            return
        ids = torch.tensor([[row.last_token] for row in self.rows], device=self._device)
        positions = self._mask.sum(-1, keepdim=True)
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(self.rows), 1)], dim=-1)
        logits, self._cache = self._forward(ids, self._mask, positions, self._cache, *_adapted(self.rows))
        self._keep([row.take(row.choose(own)) for row, own in zip(self.rows, logits, strict=True)])

    def _keep(self, stays: list[bool]) -> None:
        if all(stays):
            return
        self.rows = [row for row, stay in zip(self.rows, stays, strict=True) if stay]
        if not self.rows:
            self._cache = None
            return
        kept = torch.tensor([i for i, stay in enumerate(stays) if stay], device=self._device)
        mask = self._mask[kept]
        idle = int(mask.any(0).int().argmax())  # leading columns that are padding in every remaining row
        self._mask = mask[:, idle:]
        row_caches.keep(self._cache, kept, idle)


def _adapted(rows: Sequence[Row]) -> tuple[list[str], list[float]]:
    """Each row's adapter and the strength of it."""
    return [row.adapter for row in rows], [row.strength for row in rows]
