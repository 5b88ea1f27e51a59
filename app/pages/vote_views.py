"""Votes as the pages show them: the tally, and the last votes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app import charts, vote_words
from app.markup import html
from storage.models import Vote
from storage.votes.answers import Answer, shown, winner_and_loser
from storage.votes.contenders import FEWEST
from storage.votes.tallies import Tally
from templates.shortened import shortened

CHART_LABEL, CHART_WORDS = 20, 12
LETTERS = ("A", "B")


@dataclass(frozen=True)
class Line:
    """A vote in the list."""

    prompt: str
    answers: tuple[Answer, Answer]
    """In the order in which they were shown."""
    preferred: str
    """Key of the preferred model; empty for none."""
    words: str
    note: str
    source: str
    at: float


def tally(found: Tally) -> Markup:
    """The outcome of each pair, all models on one scale, and the check of the sides."""
    names = found.names
    pairs = [
        [
            f"{names[one.a.key]} against {names[one.b.key]}",
            *map("{:,}".format, (one.wins_a, one.wins_b, one.ties, one.both_bad, one.n, one.n_prompts)),
        ]
        for one in found.pairs
    ]
    return html(
        "votes/tally",
        scores=_shares(found),
        outcomes=[vote_words.outcome(one, names) for one in found.pairs],
        pairs=pairs,
        method=vote_words.METHOD,
        ranking=_ranking(found, names),
        not_ranked=vote_words.NOT_CONNECTED if len(names) > FEWEST and not found.ranked else "",
        ranking_method=vote_words.RANKING_METHOD,
        side=vote_words.side(found.side),
        side_is_biased=found.side.is_biased,
        sources=vote_words.sources(found.by_source),
    )


def _shares(found: Tally) -> Markup:
    rows = []
    for one in found.pairs:
        a, b = shortened(found.names[one.a.key], CHART_LABEL), shortened(found.names[one.b.key], CHART_WORDS)
        rows.append((a, {"adapted": one.share.model_dump()}, f"over {b}"))
    return charts.dot_rows({"adapted": "win share"}, rows, "95 % intervals; at 50 % both are equally good")


def _ranking(found: Tally, names: Mapping[str, str]) -> Markup | str:
    rows = [
        (
            shortened(names[one.model.key], CHART_LABEL),
            {"adapted": one.share.model_dump()},
            vote_words.share(one.share),
        )
        for one in found.ranked
    ]
    return charts.dot_rows({"adapted": "mean chance to be preferred"}, rows, "95 % intervals") if rows else ""


def last(votes: Sequence[Vote]) -> Markup:
    """The last votes, with names."""
    return html("votes/last", rows=[_line(vote) for vote in votes])


def _line(vote: Vote) -> Line:
    decided = winner_and_loser(vote)
    return Line(
        prompt=str(vote.messages[-1]["content"]),
        answers=shown(vote),
        preferred=decided[0].model.key if decided else "",
        words=vote_words.CHOICES[str(vote.choice)],
        note=vote.note,
        source=vote_words.SOURCES[vote.source],
        at=vote.voted_at or vote.created_at,
    )


def question(vote: Vote, number: int) -> Markup:
    """What was asked."""
    return html("votes/question", title=f"Question {number:,}", turns=vote.messages)


def answers(vote: Vote | None, waiting: str = "") -> list[Markup]:
    """Both answers without anything that names their models; without a vote, the words to show meanwhile."""
    both = shown(vote) if vote else (None, None)
    return [
        html("votes/answer", letter=letter, answer=answer, waiting=waiting)
        for letter, answer in zip(LETTERS, both, strict=True)
    ]
