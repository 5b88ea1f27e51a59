"""Votes and their tally in words, for pages and the command line."""

from __future__ import annotations

from collections.abc import Mapping

from storage.planning.detectable import FEWEST_GROUPS
from storage.runs.bootstrap import Interval
from storage.votes.tallies import MOST_MORE, PairTally, SideTally
from templates.quantities import plural

SOURCES = {
    "typed": "Typed prompts",
    "training": "A dataset’s training prompts",
    "selection": "A dataset’s selection prompts",
    "held_out": "A dataset’s held-out prompts",
}
CHOICES = {"left": "A is better", "right": "B is better", "tie": "Tie", "both_bad": "Both bad"}
METHOD = (
    "Win share: wins plus half of the ties and of the “both bad” votes, over all votes of the pair, with Wilson’s 95 % "
    "interval. Looking after every vote and stopping once it suits you makes a lucky result likelier: decide how many "
    "votes you will give before you start."
)
RANKING_METHOD = (
    "The chance to be preferred to each of the others, on average: Bradley–Terry, ties and “both bad” count half, with "
    "95 % intervals from resampled prompts."
)

NOT_CONNECTED = (
    "Your votes don't connect all models, so they can't be put on one scale. Vote between models of different pairs."
)


def share(interval: Interval) -> str:
    """`72 % [55, 84]`."""
    return f"{interval.value:.0%} [{100 * interval.low:.0f}, {100 * interval.high:.0f}]".replace("%", " %", 1)


def outcome(pair: PairTally, names: Mapping[str, str]) -> str:
    """What the votes of two models say."""
    a, b = names[pair.a.key], names[pair.b.key]
    on = f"{plural(pair.n, 'vote')} on {plural(pair.n_prompts, 'prompt')}"
    if pair.preferred:
        return f"“{a}” is preferred to “{b}”: win share {share(pair.share)}, {on}."
    if pair.share.value == 0.5:
        return f"“{a}” and “{b}” are even so far: win share {share(pair.share)}, {on}."
    if pair.n_more is None:
        rest = f"Even {MOST_MORE:,} more votes would not decide it if the share stays: treat them as equal."
    elif pair.n_prompts < FEWEST_GROUPS and pair.n_more + pair.n_prompts <= FEWEST_GROUPS:
        rest = f"A result needs votes on at least {FEWEST_GROUPS} prompts: {pair.n_more} to go."
    else:
        rest = f"If the share stays, about {plural(pair.n_more, 'more vote')} would decide it."
    return f"Undecided between “{a}” and “{b}”: “{a}” has a win share of {share(pair.share)}, {on}. {rest}"


def side(tally: SideTally) -> str:
    """Whether the votes follow the side."""
    if tally.share is None:
        return "No answer has won yet, so nothing can be said about the sides."
    won = f"The left answer won {share(tally.share)} of {plural(tally.left + tally.right, 'decided vote')}"
    if tally.is_biased:
        return f"{won}. The sides are drawn at random, so it should be about half: your votes follow the side."
    return f"{won}; the sides are drawn at random, so about half is expected."


def sources(by_source: Mapping[str, int]) -> str:
    """Where the prompts came from."""
    counted = [f"{n:,} on {SOURCES[key][0].lower()}{SOURCES[key][1:]}" for key, n in by_source.items()]
    warned = by_source.keys() & {"training", "selection"}
    seen = " A model may know the training prompts of the data that it learned from." if warned else ""
    return f"Votes: {', '.join(counted)}.{seen}"
