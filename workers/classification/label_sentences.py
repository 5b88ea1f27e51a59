"""A verdict on labels in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from storage.runs.bootstrap import Interval, Pair
from templates.quantities import plural
from templates.shortened import shortened
from workers.classification.label_verdict import Calibration, Sure
from workers.classification.probabilities import COLDEST, FEWEST_SURE, WARMEST

NAMED = 5
"""Labels that a remark names."""
NEAR = 1.02
"""A temperature within this factor of the last one tried has no optimum of its own."""
FEW = 100
"""With fewer rows, a temperature and a threshold rest on chance."""


def percent(share: float) -> str:
    """A share in per cent, with a decimal where rounding would make it 100."""
    shown = f"{100 * share:.0f}"
    return f"{100 * share:.1f} %" if shown == "100" and share < 1 else f"{shown} %"


def score(found: Interval) -> str:
    """A share with its interval, e.g. `84 % [79, 88]`."""
    return f"{percent(found.value)} [{100 * found.low:.0f}, {100 * found.high:.0f}]"


def say(macro_f1: Pair, sure: Sure, against: str) -> str:
    """Macro-F1 of the result and of the model that it is compared with, and what “don't know” achieves."""
    first = f"Macro-F1 {score(macro_f1.adapted)} against {score(macro_f1.base)} for {against}."
    return f"{first} {_sure(sure)}"


def _sure(sure: Sure) -> str:
    wanted = f"{percent(sure.wanted)} right answers"
    if sure.threshold is None or sure.share is None:
        if sure.n_selected < FEWEST_SURE:
            return f"Only {plural(sure.n_selected, 'row')} could be set aside, too few to choose a threshold on."
        return f"No threshold for “don't know” reached {wanted} on the {plural(sure.n_selected, 'row')} set aside."
    if sure.right is None:
        return f"With the threshold chosen for {wanted}, it answers none of the held-out rows."
    if sure.threshold == 0:
        return (
            f"It reached {wanted} on the {plural(sure.n_selected, 'row')} set aside without saying “don't know”; "
            f"on the held-out rows, {score(sure.right)} of its answers are right."
        )
    return (
        f"With “don't know” below {percent(sure.threshold)}, chosen for {wanted} on the "
        f"{plural(sure.n_selected, 'row')} set aside, it answers {score(sure.share)} of the held-out rows, and "
        f"{score(sure.right)} of these answers are right."
    )


def remarks(unseen: Mapping[str, int], calibration: Calibration | None, sure: Sure) -> Iterator[str]:
    """What limits these figures."""
    if unseen:
        named = ", ".join(f"“{shortened(label, 40)}”" for label in list(unseen)[:NAMED])
        more = f" and {len(unseen) - NAMED} more" if len(unseen) > NAMED else ""
        rows = plural(sum(unseen.values()), "held-out row")
        yield (
            f"{rows} have labels that the model never learned ({named}{more}): they count as wrong in every score but "
            "the log loss, which leaves them out."
        )
    if calibration is None:
        yield "No temperature could be fitted: no row set aside has a label that the model learned."
    elif not COLDEST * NEAR < calibration.temperature < WARMEST / NEAR:
        yield (
            f"The fitted temperature, {calibration.temperature:.2g}, is the last one that was tried: the rows set "
            "aside can't tell how sure the model should be."
        )
    if sure.n_selected < FEW:
        yield f"Temperature and threshold were chosen on only {plural(sure.n_selected, 'row')}, so they are rough."
