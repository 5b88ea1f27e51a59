"""The charts of a training job: its losses, and every other metric that it reports."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from app import charts
from storage.models import Job, JobMetric
from templates import metrics, registry
from templates.metrics import Metric
from templates.spec import Objective


def of(job: Job, points: Sequence[JobMetric]) -> tuple[str, str]:
    """The charts and their tables; both empty before the first point."""
    train, held_out = _curves(points, "loss")
    if not (train or held_out):
        return "", ""
    objective = _objective(job)
    meant = objective.loss_meant(job.spec["recipe"].get("objective_params", {})) if objective else ""
    means = f"; {meant}" if meant else ""
    loss = charts.loss_chart(train, held_out, job.total_steps, means), charts.loss_table(train, held_out)
    is_last = objective is not None and bool(objective.rewards(objective.params()))  # it says nothing there
    drawn, tables = ([], []) if is_last else ([loss[0]], [loss[1]])
    declared = {metric.key: metric for metric in objective.metrics} if objective else {}
    apart = [point for point in points if point.split == "selection"]
    for name in dict.fromkeys(name for point in apart for name in point.values):  # what the weights are chosen by
        selection, words = _curve(apart, "selection", name), {"held-out": "selection"}
        is_highest = name in declared and declared[name].higher_is_better
        note = f"; the weights with the {'highest' if is_highest else 'lowest'} are published"
        drawn.append(charts.line_chart(name, [], selection, job.total_steps, words=words, note=note))
        tables.append(charts.number_table(name, [], selection, words=words))
    for name in dict.fromkeys(name for point in points if point.split != "selection" for name in point.values):
        if name == "loss" or name in metrics.PROGRESS:
            continue
        metric, curves = declared.get(name, Metric(name, name)), _curves(points, name)
        title = metric.title[:1].lower() + metric.title[1:]
        note = _note(metric) if name in declared else ""
        drawn.append(charts.line_chart(title, *curves, job.total_steps, note=note))
        tables.append(charts.number_table(title, *curves))
    if is_last:
        drawn.append(loss[0])
        tables.append(loss[1])
    return Markup("").join(drawn), Markup("").join(tables)


def _note(metric: Metric) -> str:
    unit = f" in {metric.unit}" if metric.unit not in ("", "%") else ""
    if metric.higher_is_better is None:
        return unit
    return f"{unit}; {'higher' if metric.higher_is_better else 'lower'} is better"


def _curves(points: Sequence[JobMetric], name: str) -> tuple[charts.Points, charts.Points]:
    """A metric in training and on held-out rows, by step."""
    return _curve(points, "train", name), _curve(points, "held_out", name)


def _curve(points: Sequence[JobMetric], split: str, name: str) -> charts.Points:
    return [(point.step, point.values[name]) for point in points if point.split == split and name in point.values]


def _objective(job: Job) -> Objective | None:
    """The declaration of what the job learns; None for one that this version doesn't have."""
    return registry.objectives().get(job.spec.get("recipe", {}).get("objective", ""))
