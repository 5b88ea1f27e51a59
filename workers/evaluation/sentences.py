"""A verdict in plain words: its claim and its sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from storage.runs.bootstrap import Interval, Pair
from templates.quantities import plural, stopped_at
from workers.evaluation.wins import Wins

Outcome = Literal["better", "lower_loss", "not_better", "cant_tell", "worse"]
"""`lower_loss`: the loss fell, but the answers are no better than a trivial one."""
SAME_WITHIN_SHARE = 0.05
"""An accuracy counts as unchanged if the interval of its difference lies within ± this."""
SAME_WITHIN_LOSS = 0.02
"""The same for a loss, as a share of the base's."""
TITLES: Mapping[str, str] = {
    "loss": "Held-out loss",
    "perplexity": "Perplexity",
    "exact_match": "Exact match",
    "label_accuracy": "Label accuracy",
    "preference_accuracy": "Preference accuracy",
    "judgement_ranking": "Good answers ranked above bad ones",
    "chrf": "Similarity to the expected answers (chrF)",
    "checks_passed": "Checks passed",
    "scored_higher": "Scored higher by the reward model",
}
RIGHT_ANSWERS = ("exact_match", "label_accuracy")
"""Metrics that count right answers."""
SIMILARITY = "chrf"
PREFERENCE = "preference_accuracy"
"""The share of pairs whose chosen answer the model finds likelier than the rejected one."""
JUDGEMENT = "judgement_ranking"
"""For answers judged one by one: of all couples of a good and a bad answer, the share in which the training made the
good one likelier by more than the bad one. The model before has half by definition."""
JUDGED = (PREFERENCE, JUDGEMENT)
CHECKS = "checks_passed"
"""The share of the held-out prompts whose answer passes the checks, each of which counts with its weight."""
SCORED = "scored_higher"
"""The share of the held-out prompts on which the reward model that rewarded the answers scores the result's higher than
the first model's, ties counting half. The first model has half by definition."""
SHARES = ("exact_match", "label_accuracy", "preference_accuracy", "judgement_ranking", "chrf", CHECKS, SCORED)
UNITS: Mapping[str, str] = {"loss": " nats per token"}


@dataclass(frozen=True)
class Run:
    """How far the training went."""

    steps: int
    planned: int
    stopped: bool = False
    """Whether someone stopped it before its last step."""

    @property
    def words(self) -> str:
        """`stopped at 6 of 61 steps`; empty if it wasn't stopped."""
        return stopped_at(self.steps, self.planned) if self.stopped else ""


@dataclass(frozen=True)
class Opponent:
    """The trivial answer, scored on the deciding metric."""

    words: str
    score: Interval
    difference: Interval
    """Adapted minus trivial."""


@dataclass(frozen=True)
class Case:
    """All that a verdict's words depend on."""

    outcome: Outcome
    headline: str
    pair: Pair | None
    """The deciding metric; None if nothing could be scored."""
    metrics: Mapping[str, Pair]
    n: int
    """Rows behind the deciding metric."""
    n_groups: int
    """Groups that these rows form."""
    by_document: bool
    n_held_out: int
    n_training: int
    asks: bool
    """False for plain text, which has no questions."""
    trivial: Opponent | None = None
    run: Run | None = None
    share_trivial: float = 0.0
    """The share of the adapted model's answers that are the trivial answer."""
    share_cut_off: float = 0.0
    """The share of the adapted model's answers that were cut off."""
    share_unknown: float = 0.0
    """The share of the adapted model's answers that match no label of the dataset."""
    n_answerable: int = 0
    """Held-out rows with a question, whether or not they were asked."""
    wins: Wins | None = None
    """The adapted model's answers against the first one's, where people judged answers."""

    @property
    def beats_base(self) -> bool:
        """Whether the deciding metric is surely better than the base's."""
        return self.pair is not None and improved(self.headline, self.pair.difference)

    @property
    def beats_trivial(self) -> bool:
        """Whether the deciding metric is surely above the trivial answer's, if there is one."""
        return self.trivial is None or self.trivial.difference.low > 0

    @property
    def loss_fell(self) -> bool:
        """Whether the held-out loss is surely lower."""
        return "loss" in self.metrics and improved("loss", self.metrics["loss"].difference)


def improved(metric: str, difference: Interval) -> bool:
    """Whether the whole interval of the difference is an improvement."""
    return difference.high < 0 if metric in ("loss", "perplexity") else difference.low > 0


def worsened(metric: str, difference: Interval) -> bool:
    """Whether the whole interval of the difference is a decline."""
    return difference.low > 0 if metric in ("loss", "perplexity") else difference.high < 0


def percent(share: float) -> str:
    """A share in whole per cent, without the sign; 100 and 0 are shown only when exact."""
    shown = round(100 * share)
    if shown == 100 and share < 1 - 1e-9:
        return "99"
    if shown == 0 and share > 1e-9:
        return "<1"
    return str(shown)


def score(metric: str, interval: Interval) -> str:
    """A score with its interval, e.g. `93 % [88, 96]` or `0.74 [0.70, 0.79]`."""
    if metric in SHARES:
        return f"{percent(interval.value)} % [{percent(interval.low)}, {percent(interval.high)}]"
    return f"{interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def change(metric: str, difference: Interval) -> str:
    """A difference with its sign, e.g. `+93 points [+88, +96]`."""
    if metric in SHARES:
        value, low, high = (f"{round(100 * x):+d}" for x in (difference.value, difference.low, difference.high))
        return f"{value} points [{low}, {high}]"
    return f"{difference.value:+.2f} [{difference.low:+.2f}, {difference.high:+.2f}]"


def rows(n: int) -> str:
    """A number of rows with thousands separators."""
    return f"{n:,} row" if n == 1 else f"{n:,} rows"


def same_within(headline: str, pair: Pair) -> float:
    """The largest difference that counts as none."""
    return SAME_WITHIN_LOSS * pair.base.value if headline == "loss" else SAME_WITHIN_SHARE


def claim(case: Case) -> str:
    """The verdict in a few words: the beginning of its sentence, without a full stop."""
    if case.pair is None:
        return "Can't tell"
    if case.headline == "loss":
        return _loss_claim(case)
    rival = f"{case.trivial.words}" if case.trivial and not case.beats_trivial else ""
    if case.outcome == "lower_loss":
        return "Lower loss, answers not usable yet"
    if case.headline == SCORED and case.outcome == "not_better":
        return "No better by the reward model’s scores"
    if case.outcome == "not_better":
        return f"Not better than {rival}" if rival and case.beats_base else "Not better"
    if case.outcome == "cant_tell":
        unsure = f" whether it is better than {rival}" if rival and case.beats_base else ""
        return f"Can't tell with {_counted(case)}{unsure}"
    by_whom = " by the reward model’s scores" if case.headline == SCORED else ""
    return {"better": "Better", "worse": "Worse"}[case.outcome] + by_whom


def _loss_claim(case: Case) -> str:
    what = "held-out text" if not case.asks else "the held-out answers"
    if case.outcome == "cant_tell":
        return f"Can't tell with {_counted(case)} whether it predicts {what} better"
    return f"Predicts {what} { {'not_better': 'no better'}.get(case.outcome, case.outcome) }"


def _counted(case: Case) -> str:
    return rows(case.n) if case.n_groups == case.n else f"{rows(case.n)} in {_groups(case)}"


def _groups(case: Case, *, whole: bool = False) -> str:
    found = plural(case.n_groups, "document" if case.by_document else "group")
    return f"{found} of nearly equal rows" if whole and not case.by_document else found


def say(case: Case, against: str = "the base") -> str:
    """The verdict in one or two sentences; `against` names the first model."""
    if case.pair is None:
        return "Can't tell: no held-out row could be scored."
    text = f"{claim(case)}. {_lower_loss(case, against) if case.outcome == 'lower_loss' else _scores(case, against)}"
    text += f", on {case.n:,} held-out {rows(case.n).split()[1]}"
    text += f" ({_groups(case, whole=True)})." if case.n_groups != case.n and case.outcome != "cant_tell" else "."
    if case.wins:
        text += f" {of_wins(case.wins, against)}"
    if case.run and case.run.stopped:
        text += f" The training was {case.run.words}."
    return text


def of_wins(wins: Wins, against: str = "the base") -> str:
    """`Its answers are nearer to the chosen ones than the base's on 84 % [71, 92] of 48 prompts …`"""
    told = f"Its answers win over those of {against} on {score(PREFERENCE, wins.rate)} of {plural(wins.n, 'prompt')}"
    told += " by their likeness to the chosen answers, ties counting half"
    if wins.at_equal_length:
        told += f"; at equal length, on {score(PREFERENCE, wins.at_equal_length)}"
    before, after = wins.length.base.value, wins.length.adapted.value
    return f"{told}. Answers have {after:.0f} characters on average; before, {before:.0f}."


def _scores(case: Case, against: str) -> str:
    assert case.pair
    if case.headline == SCORED:
        share = score(SCORED, case.pair.adapted)
        return f"The reward model scores its answer higher than that of {against} on {share}, ties counting half"
    found = f"{TITLES[case.headline]} {score(case.headline, case.pair.adapted)}{UNITS.get(case.headline, '')}"
    found += f" against {score(case.headline, case.pair.base)} for {against}"
    if case.trivial:
        found += f" and {score(case.headline, case.trivial.score)} for {case.trivial.words}"
    return found


def _lower_loss(case: Case, against: str) -> str:
    assert case.pair
    loss, mine = case.metrics["loss"], f"{score(case.headline, case.pair.adapted)}"
    fell = f"The loss is {score('loss', loss.adapted)} nats per token against {score('loss', loss.base)} for {against}"
    title = TITLES[case.headline][0].lower() + TITLES[case.headline][1:]
    found = f"{fell}, but {title} is only {mine}, against {score(case.headline, case.pair.base)} for {against}"
    if case.trivial:
        found += f" and {score(case.headline, case.trivial.score)} for {case.trivial.words}"
    return found
