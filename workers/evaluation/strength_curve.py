"""What less strength keeps: task scores and general abilities at each measured strength, and which to choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from storage.gallery.suites import Suite
from storage.runs.bootstrap import Interval
from templates import registry
from workers.evaluation import forgetting, own_words, verdict
from workers.evaluation.own_prompts import OwnPrompts
from workers.evaluation.sentences import percent
from workers.evaluation.strength_scores import SealedStrength, TaskRows
from workers.orders.strength import StrengthOrder

KEPT_GAIN = 0.9
RULE = (
    "Less than full strength is recommended if general abilities are then significantly better, the task score is "
    "not significantly worse, and at least 90 % of the gain over the base remains; of several such strengths, the "
    "one with the best general abilities."
)
LOWER_IS_BETTER = ("loss", "perplexity")
LEARNED = (
    "The training also learned these rows, because it made no choice on them. So the task scores are higher than on "
    "new rows, most of all at full strength."
)


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TaskPoint(_Document):
    """The task's scores at one strength, by metric; differences are paired on the same rows."""

    strength: float
    metrics: dict[str, Interval]
    against_full: dict[str, Interval]
    """This strength minus full strength."""
    against_base: dict[str, Interval]
    """This strength minus the base."""


class TaskCurve(_Document):
    """The scores on one dataset's selection side."""

    name: str
    headline: str
    """The metric that decides."""
    n_rows: int
    n_answered: int
    points: tuple[TaskPoint, ...]

    def at(self, strength: float) -> TaskPoint:
        """The point of this strength."""
        return next(point for point in self.points if point.strength == strength)


class GeneralPoint(_Document):
    """The share of items on general abilities that are right at one strength, averaged over abilities."""

    strength: float
    mean: Interval
    against_full: Interval
    against_base: Interval


class GeneralCurve(_Document):
    """General abilities, on the items of the verdict."""

    suite: str
    sha256: str
    n: int
    points: tuple[GeneralPoint, ...]

    def at(self, strength: float) -> GeneralPoint:
        """The point of this strength."""
        return next(point for point in self.points if point.strength == strength)


class OwnPoint(_Document):
    """The share of the base's own prompts that are answered as the base does, at one strength."""

    strength: float
    same: Interval
    against_full: Interval


class OwnCurve(_Document):
    """What it changed in what its base says by itself, on prompts that were not replayed."""

    n: int
    first_tokens: int
    points: tuple[OwnPoint, ...]


class StrengthCurve(_Document):
    """The result of a job that measures strengths."""

    model: str
    weights_sha256: str | None
    strengths: tuple[float, ...]
    datasets: tuple[TaskCurve, ...]
    learned: bool
    general: GeneralCurve
    own: OwnCurve | None
    recommended: float | None
    """None: full strength did not significantly beat the base, so there is no gain to keep."""
    rule: str = RULE
    sentence: str
    remarks: tuple[str, ...]


def of(
    order: StrengthOrder,
    task: Sequence[TaskRows],
    asked: Suite,
    prompts: OwnPrompts | None,
    found: Sequence[SealedStrength],
) -> StrengthCurve:
    """The curve from everything that was scored; the first strength is the base, the last one full strength."""
    datasets = tuple(_task_curve(order, one, place, found) for place, one in enumerate(task))
    general, remarks = _general_curve(asked, found)
    own = _own_curve(prompts, found) if prompts else None
    chosen = recommended(datasets, general)
    told = [*([LEARNED] if order.learned else []), *_counts(task, found), *remarks]
    if prompts and own is None:
        told.append(own_words.too_few(prompts))
    return StrengthCurve(
        model=order.model.name,
        weights_sha256=order.model.weights_sha256,
        strengths=tuple(one.strength for one in found),
        datasets=datasets,
        learned=order.learned,
        general=general,
        own=own,
        recommended=chosen,
        sentence=sentence(datasets, general, chosen),
        remarks=tuple(told),
    )


def _task_curve(order: StrengthOrder, one: TaskRows, place: int, found: Sequence[SealedStrength]) -> TaskCurve:
    scores = [sealed.task[place].scores() for sealed in found]
    base, full, shape, side = scores[0], scores[-1], one.data.shape, one.side
    points = []
    for sealed, at in zip(found, scores, strict=True):
        to_full, to_base = verdict.paired(full, at, shape, side), verdict.paired(base, at, shape, side)
        points.append(
            TaskPoint(
                strength=sealed.strength,
                metrics={name: pair.adapted for name, pair in to_full.items()},
                against_full={name: pair.difference for name, pair in to_full.items()},
                against_base={name: pair.difference for name, pair in to_base.items()},
            )
        )
    return TaskCurve(
        name=one.data.dataset_name,
        headline=verdict.decides(points[-1].metrics, registry.objective(order.recipe.objective).headline, side),
        n_rows=len(one.rows),
        n_answered=len(full.answers),
        points=tuple(points),
    )


def _general_curve(asked: Suite, found: Sequence[SealedStrength]) -> tuple[GeneralCurve, Sequence[str]]:
    scores = [one.general.on(asked) for one in found]
    points, remarks = [], list[str]()
    for one, at in zip(found, scores, strict=True):
        to_full, to_base = forgetting.judge(scores[-1], at), forgetting.judge(scores[0], at)
        points.append(
            GeneralPoint(
                strength=one.strength,
                mean=to_full.mean.adapted,
                against_full=to_full.mean.difference,
                against_base=to_base.mean.difference,
            )
        )
        remarks += to_base.remarks
    curve = GeneralCurve(suite=asked.name, sha256=asked.sha256, n=len(asked.items), points=tuple(points))
    return curve, list(dict.fromkeys(remarks))


def _own_curve(prompts: OwnPrompts, found: Sequence[SealedStrength]) -> OwnCurve | None:
    full, points = found[-1].own, []
    for one in found:
        judged = own_words.judge(prompts, one.own) if one.own else None
        if judged is None or one.own is None or full is None:
            return None
        to_full = own_words.kept_by(prompts, full, one.own)
        points.append(OwnPoint(strength=one.strength, same=judged.same.adapted, against_full=to_full.difference))
    return OwnCurve(n=len(prompts.asked), first_tokens=own_words.FIRST_TOKENS, points=tuple(points))


def recommended(datasets: Sequence[TaskCurve], general: GeneralCurve) -> float | None:
    """The strength to use, by `RULE`; None if full strength did not significantly beat the base on every dataset."""
    if not all(_better(one, one.points[-1].against_base)[0] > 0 for one in datasets):
        return None
    full = general.points[-1].strength
    able = [
        point
        for point in general.points[1:-1]
        if point.against_full.low > 0 and all(_keeps(one, point.strength) for one in datasets)
    ]
    best = max(able, key=lambda point: (point.mean.value, point.strength), default=None)
    return best.strength if best else full


def _keeps(one: TaskCurve, strength: float) -> bool:
    """Whether the task's score is not significantly below full strength's, with nearly all of the gain."""
    at, full = one.at(strength), one.points[-1]
    gain, of = (_sign(one) * point.against_base[one.headline].value for point in (at, full))
    return _better(one, at.against_full)[1] >= 0 and gain >= KEPT_GAIN * of


def _sign(one: TaskCurve) -> int:
    return -1 if one.headline in LOWER_IS_BETTER else 1


def _better(one: TaskCurve, change: Mapping[str, Interval]) -> tuple[float, float]:
    """The interval of an improvement in the deciding metric: above zero is better."""
    found = change[one.headline]
    return (found.low, found.high) if _sign(one) > 0 else (-found.high, -found.low)


def sentence(datasets: Sequence[TaskCurve], general: GeneralCurve, chosen: float | None) -> str:
    """What to do, and what it costs and brings."""
    full = general.points[-1]
    if chosen is None:
        losing = [one.name for one in datasets if _better(one, one.points[-1].against_base)[0] <= 0]
        names = " and ".join(f"“{name}”" for name in losing)
        return f"No recommendation: on {names}, full strength is not significantly better than the base."
    if chosen == full.strength:
        base = general.points[0]
        has_lost = full.against_base.high < 0
        remedy = " To keep more, train again and replay what it knew." if has_lost else ""
        return (
            "Use full strength: no measured strength below it keeps significantly more general abilities and nearly "
            f"all of the gain. General abilities: {_share(full.mean)}; the base has {_share(base.mean)}.{remedy}"
        )
    costs = "; ".join(_task_words(one, chosen) for one in datasets)
    at = general.at(chosen)
    return (
        f"Use strength {chosen:g}: general abilities {_share(at.mean)} instead of {_share(full.mean)} "
        f"({_points(at.against_full)}). {costs}."
    )


def _task_words(one: TaskCurve, strength: float) -> str:
    at, full, name = one.at(strength), one.points[-1], one.headline
    if name in LOWER_IS_BETTER:
        values = f"{at.metrics[name].value:.3g} instead of {full.metrics[name].value:.3g}"
    else:
        values = (
            f"{_share(at.metrics[name])} instead of {_share(full.metrics[name])} ({_points(at.against_full[name])})"
        )
    return f"{name.replace('_', ' ').capitalize()} on “{one.name}”: {values}"


def _share(found: Interval) -> str:
    return f"{percent(found.value)} %"


def _points(change: Interval) -> str:
    value, low, high = (f"{100 * x:+.0f}".replace("-", "−") for x in (change.value, change.low, change.high))
    return f"{value} [{low}, {high}] points"


def _counts(task: Sequence[TaskRows], found: Sequence[SealedStrength]) -> list[str]:
    """Rows that could not be scored as they are; they are the same at every strength."""
    said = []
    for place, one in enumerate(task):
        scores, name = found[-1].task[place], one.data.dataset_name
        if scores.n_cut:
            said.append(f"{scores.n_cut:,} rows of “{name}” are longer than the limit and were scored up to it.")
        if scores.n_too_long:
            said.append(f"{scores.n_too_long:,} rows of “{name}” leave no room for an answer and were not asked.")
    return said
