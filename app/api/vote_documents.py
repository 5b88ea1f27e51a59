"""The JSON that REST and `--json` return for votes and their tally."""

from __future__ import annotations

from typing import Any

from app import vote_words
from storage.models import Dataset, Vote
from storage.votes.answers import shown, winner_and_loser
from storage.votes.contenders import Contender
from storage.votes.pairs import Settled
from storage.votes.tallies import PairTally, Tally


def of_question(vote: Vote) -> dict[str, Any]:
    """A question that waits for a vote: nothing in it names a model."""
    left, right = shown(vote)
    blind = {"text", "reasoning", "finish_reason"}
    return {
        "id": vote.id,
        "messages": vote.messages,
        "left": left.model_dump(include=blind),
        "right": right.model_dump(include=blind),
        "source": vote.source,
    }


def of_vote(vote: Vote) -> dict[str, Any]:
    """A vote, with the models as they answered, in the order in which they were shown."""
    decided = winner_and_loser(vote)
    return {
        "id": vote.id,
        "choice": vote.choice,
        "preferred": decided[0].model.said if decided else None,
        "messages": vote.messages,
        "left": vote.left,
        "right": vote.right,
        "sampling": vote.sampling,
        "source": vote.source,
        "dataset_id": vote.dataset_id,
        "note": vote.note,
        "asked_at": vote.created_at,
        "voted_at": vote.voted_at,
    }


def of_tally(found: Tally, n_without_vote: int) -> dict[str, Any]:
    """The tally; shares have 95 % intervals."""
    return {
        "n": found.n,
        "n_without_vote": n_without_vote,
        "pairs": [_of_pair(one, found) for one in found.pairs],
        "ranking": [
            {
                "model": _of_model(one.model, found),
                "n": one.n,
                "theta": one.theta,
                "mean_chance": one.share.model_dump(),
            }
            for one in found.ranked
        ],
        "left_side": {
            "won": found.side.left,
            "lost": found.side.right,
            "share": found.side.share.model_dump() if found.side.share else None,
            "is_biased": found.side.is_biased,
        },
        "by_source": found.by_source,
    }


def _of_pair(one: PairTally, found: Tally) -> dict[str, Any]:
    return {
        "a": _of_model(one.a, found),
        "b": _of_model(one.b, found),
        "wins_a": one.wins_a,
        "wins_b": one.wins_b,
        "ties": one.ties,
        "both_bad": one.both_bad,
        "n": one.n,
        "n_prompts": one.n_prompts,
        "win_share_a": one.share.model_dump(),
        "outcome": "a" if one.preferred else "undecided",
        "more_votes_needed": one.n_more,
        "sentence": vote_words.outcome(one, found.names),
    }


def _of_model(model: Contender, found: Tally) -> dict[str, Any]:
    return {"shown_as": found.names[model.key], "key": model.key, **model.model_dump()}


def of_made(dataset: Dataset, settled: Settled) -> dict[str, Any]:
    """A dataset that was made of votes."""
    return {
        "id": dataset.id,
        "name": dataset.name,
        "shape": dataset.shape,
        "n_rows": dataset.n_rows,
        "n_held_out": dataset.n_held_out,
        "n_votes": settled.n_votes,
        "left_out": dict(settled.left_out),
        "sentences": settled.sentences,
    }
