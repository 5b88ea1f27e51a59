"""Votes as preference data: which of them become rows of a chosen and a rejected answer, and what is left out.

Votes on the same two answers to the same prompt are settled first: the answer with more votes is chosen, and it makes
one row. Answers that beat each other evenly, or in a circle, contradict one another, and none of them makes a row.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from storage.data.rows.comparable import normalised
from storage.models import Vote
from storage.votes.answers import HELD_OUT, shown, winner_and_loser
from templates.quantities import plural

LEFT_OUT: Mapping[str, tuple[str, str]] = {
    "tie": ("tie", "ties"),
    "both_bad": ("vote for neither answer", "votes for neither answer"),
    "held_out": ("vote on a held-out prompt", "votes on held-out prompts"),
    "same": ("vote on equal answers", "votes on equal answers"),
    "empty": ("vote with an empty answer", "votes with an empty answer"),
    "cut": ("vote for an answer that was cut", "votes for answers that were cut"),
    "contradicting": ("vote that contradicts others", "votes that contradict others"),
}
"""Why votes make no row, in words for one and for several; in the order in which they are looked for."""


@dataclass(frozen=True)
class Pair:
    """A row to be, and the votes behind it."""

    prompt: list[dict[str, Any]]
    chosen: str
    rejected: str
    votes: tuple[str, ...]
    """Ids of the votes for the chosen answer, and of those that it outvoted."""


@dataclass
class Settled:
    """What votes make."""

    pairs: list[Pair] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """Votes that made no row, by key of `LEFT_OUT`."""
    n_votes: int = 0
    n_repeated: int = 0
    """Votes that confirmed a row that others made."""
    n_outvoted: int = 0
    """Votes against a chosen answer that had more."""
    n_cut_rejected: int = 0
    """Rows whose rejected answer was cut."""

    @property
    def sentences(self) -> list[str]:
        """What became of the votes, in words."""
        said = [f"{plural(self.n_votes, 'vote makes', 'votes make')} {plural(len(self.pairs), 'row')}."]
        if self.left_out:
            counted = [f"{n:,} {LEFT_OUT[key][n > 1]}" for key in LEFT_OUT if (n := self.left_out[key])]
            said.append(f"Left out: {', '.join(counted)}.")
        if self.n_repeated:
            said.append(f"{plural(self.n_repeated, 'vote')} repeated another and made no row of its own.")
        if self.n_outvoted:
            said.append(f"{plural(self.n_outvoted, 'vote')} went against the majority, which decides.")
        if self.n_cut_rejected:
            said.append(
                f"In {plural(self.n_cut_rejected, 'row')}, the rejected answer was cut off at the length limit."
            )
        return said


def settle(found: Sequence[Vote], held_out: Collection[str]) -> Settled:
    """The pairs that these votes make; `held_out` are normalised prompts that must not be learned."""
    made = Settled(n_votes=len(found))
    by_prompt: dict[str, list[Vote]] = defaultdict(list)
    for vote in found:
        why = _why_not(vote, held_out)
        if why:
            made.left_out[why] += 1
        else:
            by_prompt[json.dumps(vote.messages, sort_keys=True)].append(vote)
    for votes in by_prompt.values():
        _settle_prompt(votes, made)
    return made


def question(messages: Sequence[Mapping[str, Any]]) -> str:
    """A prompt without its instruction, as held-out prompts are compared with it."""
    return normalised("\n".join(str(turn["content"]) for turn in messages if turn["role"] != "system"))


def _why_not(vote: Vote, held_out: Collection[str]) -> str:
    decided = winner_and_loser(vote)
    if decided is None:
        return str(vote.choice)
    if vote.source == HELD_OUT or question(vote.messages) in held_out:
        return "held_out"
    winner, loser = decided
    if winner.text == loser.text:
        return "same"
    if not (winner.text.strip() and loser.text.strip()):
        return "empty"
    return "cut" if winner.is_cut else ""


def _settle_prompt(votes: Sequence[Vote], made: Settled) -> None:
    """Add the rows of one prompt: the majority of each two answers, without those that beat each other in a circle."""
    for_: dict[tuple[str, str], list[Vote]] = defaultdict(list)
    for vote in votes:
        decided = winner_and_loser(vote)
        assert decided is not None
        for_[decided[0].text, decided[1].text].append(vote)
    net = {key: won for key, won in for_.items() if len(won) >= len(for_.get(key[::-1], ()))}
    ring = _rings(net)
    for (chosen, rejected), won in net.items():
        if ring[chosen] == ring[rejected]:
            made.left_out["contradicting"] += len(won)
            continue
        against = for_.get((rejected, chosen), [])
        made.n_repeated += len(won) - 1
        made.n_outvoted += len(against)
        made.n_cut_rejected += any(answer.is_cut for vote in won for answer in shown(vote) if answer.text == rejected)
        ids = tuple(vote.id for vote in (*won, *against))
        made.pairs.append(Pair([dict(turn) for turn in votes[0].messages], chosen, rejected, ids))
    lost = [votes for key, votes in for_.items() if key not in net and ring[key[0]] == ring[key[1]]]
    made.left_out.update(Counter({"contradicting": sum(map(len, lost))}) if lost else {})


def _rings(beats: Collection[tuple[str, str]]) -> dict[str, int]:
    """For each answer, the number of its circle: answers that beat one another, directly or through others."""
    texts = sorted({text for pair in beats for text in pair})
    places = {text: i for i, text in enumerate(texts)}
    reached = np.eye(len(texts), dtype=np.bool_)
    for winner, loser in beats:
        reached[places[winner], places[loser]] = True
    for through in range(len(texts)):  # Warshall 1962
        reached |= reached[:, [through]] & reached[[through]]
    return {text: int(np.flatnonzero(reached[i] & reached[:, i])[0]) for text, i in places.items()}
