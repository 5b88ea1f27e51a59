"""A verdict in plain words: the sentence, what would help, and what was left out of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from workers.evaluation.bootstrap import Interval, Pair
from workers.evaluation.scoring import Scores

Outcome = Literal["better", "not_better", "cant_tell", "worse"]
FEWEST_ROWS = 10
"""With fewer rows no interval means much: the verdict is that it can't be told."""
SAME_WITHIN_SHARE = 0.05
"""An accuracy whose difference surely lies within ± this is as good as unchanged."""
SAME_WITHIN_LOSS = 0.02
"""The same for a loss, as a share of the base's."""
TITLES: Mapping[str, str] = {
    "loss": "Held-out loss",
    "perplexity": "Perplexity",
    "exact_match": "Exact match",
    "label_accuracy": "Label accuracy",
    "preference_accuracy": "Preference accuracy",
}
SHARES = ("exact_match", "label_accuracy", "preference_accuracy")
OPENINGS: Mapping[Outcome, str] = {"better": "Better.", "not_better": "Not better.", "worse": "Worse."}


def percent(share: float) -> str:
    """A share in whole per cent, without the sign; only a whole is 100 and only nothing is 0."""
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
    """A number of rows, with its thousands apart."""
    return f"{n:,} row" if n == 1 else f"{n:,} rows"


def same_within(headline: str, pair: Pair) -> float:
    """How small a difference counts as none."""
    return SAME_WITHIN_LOSS * pair.base.value if headline == "loss" else SAME_WITHIN_SHARE


def say(
    outcome: Outcome,
    headline: str,
    pair: Pair | None,
    n: int,
    majority: tuple[str, float, bool] | None = None,
    against: str = "the base",
) -> str:
    """The verdict in one or two sentences; `majority` is (label, share, is the adapted model above it)."""
    if pair is None:
        return "Can't tell: no held-out row could be scored."
    opening = OPENINGS.get(outcome, f"Can't tell with {rows(n)}.")
    scores = f"{score(headline, pair.adapted)} against {score(headline, pair.base)} for {against}"
    text = f"{opening} {TITLES[headline]} {scores}, on {n:,} held-out {rows(n).split()[1]}."
    if majority and not majority[2]:
        label, share, _ = majority
        text += f" That is not surely above always answering “{label}”, which is right in {percent(share)} %."
    return text


def what_would_help(
    outcome: Outcome, headline: str, metrics: Mapping[str, Pair], n: int, n_held_out: int
) -> str | None:
    """What to try next; None when the adapted model is better."""
    pair, loss = metrics.get(headline), metrics.get("loss")
    if outcome == "better":
        return None
    if pair is None and not n_held_out:
        return "A dataset with held-out rows: add it again with more rows or a larger held-out share."
    if pair is None:
        return "Shorter rows, or a larger “Maximum row length” setting, so that the answers are not cut off."
    if outcome == "cant_tell":
        needed, least = rows_needed(headline, pair, n), same_within(headline, pair)
        small = f"{100 * least:.0f} points" if headline != "loss" else f"{least:.2g} in the loss"
        aim = (
            "would settle a difference like this one"
            if abs(pair.difference.value) > least
            else (f"would show whether there is a difference of more than {small}")
        )
        return f"More held-out rows: about {needed:,} {aim} (there are {n:,})."
    if loss and loss.difference.low > 0:
        return "The loss on held-out rows rose: fewer passes over the data, or a lower learning rate."
    if loss and loss.difference.high < 0 and headline != "loss":
        return "The loss on held-out rows fell, so the model is learning: more passes, or more training rows."
    return "More or more consistent training rows, more passes, or a larger base model."


def rows_needed(headline: str, pair: Pair, n: int) -> int:
    """About how many rows would narrow the interval enough, as its width falls with the root of n."""
    half = (pair.difference.high - pair.difference.low) / 2
    wanted = max(abs(pair.difference.value), same_within(headline, pair))
    if wanted <= 0:
        return 2 * n
    needed = max(n * (half / wanted) ** 2 * 1.2, n + 1, FEWEST_ROWS)
    # Two digits: it is a guess and should look like one.
    scale = 10.0 ** max(0, math.floor(math.log10(needed)) - 1)
    return math.ceil(needed / scale) * int(scale)


def remarks_on(base: Scores, adapted: Scores) -> list[str]:
    """What was not measured, counted."""
    said = []
    unscored = int((adapted.n_tokens == 0).sum())
    if unscored:
        said.append(
            f"{rows(unscored)} of {len(adapted.n_tokens):,} had no token left to score and are not in the loss."
        )
    if adapted.n_cut:
        said.append(f"{rows(adapted.n_cut)} longer than the longest-row setting: the loss covers their beginning only.")
    too_long = max(base.n_too_long, adapted.n_too_long)
    if too_long:
        said.append(f"{rows(too_long)} not answered: the prompt fills the model's context.")
    if adapted.n_not_asked:
        said.append(f"{rows(adapted.n_not_asked)} not answered: no question, or no answer whose text can be compared.")
    if len(base.n_tokens) and (base.n_tokens != adapted.n_tokens).any():
        said.append("The models cut text into different tokens, so their losses can't be compared.")
    cut_off = sum(not answer.ended for answer in adapted.answers)
    if cut_off:
        said.append(f"{cut_off:,} answers of the adapted model were cut off after {adapted.max_new_tokens} tokens.")
    return said
