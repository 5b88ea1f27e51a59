"""What a repair brought back, and what it cost, in words."""

from __future__ import annotations

from storage.runs.bootstrap import Interval
from workers.evaluation import sentences
from workers.evaluation.forgetting import AgainstRoot, Forgotten
from workers.evaluation.sentences import TITLES, UNITS, improved, percent, worsened
from workers.evaluation.verdict_document import Verdict


def sentence(found: Verdict, forgotten: Forgotten | None, parent: str) -> str:
    """On general abilities against the result `parent` and the base at the root; then on the task against `parent`."""
    costs = [f"“{one.name}”: {_cost(one.verdict, parent)}" for one in found.by_dataset]
    told = " ".join(costs) or _cost(found, parent)
    if forgotten is None or forgotten.root is None:
        return f"General abilities were not measured. {told}".strip()
    return f"{_back(forgotten, forgotten.root, parent)} {told}".strip()


def _back(forgotten: Forgotten, root: AgainstRoot, parent: str) -> str:
    mean, left = forgotten.mean, root.left.difference
    of = f"{percent(mean.base.value)} % → {percent(mean.adapted.value)} % of general abilities"
    change = mean.difference
    if change.low > 0:
        said = f"Came back: {_points(change)} ({of}; {root.name}: {percent(root.left.base.value)} %)."
    elif change.high < 0:
        said = f"Nothing came back; {_points(change, -1)} more were lost ({of})."
    else:
        said = f"Nothing significant came back: {_changed('exact_match', change)} ({of})."
    if left.high < 0:
        return f"{said} Still missing against {root.name}: {_points(left, -1)}."
    if root.lost.difference.high >= 0:
        return f"{said} “{parent}” had lost nothing significant against {root.name}."
    return f"{said} Nothing significant is missing against {root.name} any more ({_changed('exact_match', left)})."


def _points(change: Interval, sign: int = 1) -> str:
    """`41 points [35, 47]`; with the sign −1, of a loss."""
    value, low, high = (round(100 * sign * x) for x in (change.value, change.low, change.high))
    return f"{value} points [{min(low, high)}, {max(low, high)}]"


def _cost(found: Verdict, parent: str) -> str:
    """The deciding metric of the task, before and after."""
    pair = found.metrics.get(found.headline)
    if pair is None:
        return "What it cost the task could not be measured."
    change, unit = pair.difference, UNITS.get(found.headline, "")
    title = TITLES.get(found.headline, found.headline).lower()
    moved = f"{title} {_value(found.headline, pair.base)} → {_value(found.headline, pair.adapted)}{unit}, "
    moved += _changed(found.headline, change)
    if worsened(found.headline, change):
        return f"It cost the task: {moved} against “{parent}”."
    if improved(found.headline, change):
        return f"It cost the task nothing: {moved} against “{parent}”."
    return f"It cost the task nothing significant: {moved} against “{parent}”."


def _value(metric: str, score: Interval) -> str:
    return f"{percent(score.value)} %" if metric in sentences.SHARES else f"{score.value:.2f}"


def _changed(metric: str, difference: Interval) -> str:
    """A difference with its sign."""
    return sentences.change(metric, difference).replace("-", "−")
