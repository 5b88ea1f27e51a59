"""A comparison of runs as a page shows it: verdicts, differences, curves, and the settings that differ."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from app import charts, run_charts, run_words
from app.formats import ago
from app.markup import html
from app.pages import job_words, verdicts
from app.run_charts import Curve
from storage import deleted_names
from storage.jobs import events
from storage.runs.candidates import Candidate
from storage.runs.comparison import Against, Comparison, Run
from templates.shortened import shortened

SIDES = {"held_out": "Held-out loss", "train": "Training loss"}
CHART_LABEL = 20


@dataclass(frozen=True)
class Line:
    """A run's line in the table of verdicts."""

    place: int
    run: Run
    way: str
    verdict: str
    """Key of the verdict's words, for its colour; empty without a verdict."""
    words: str
    score: str
    base: str
    metric: str
    differences: list[str]
    why_not: str
    loss: str
    forgotten: str
    own_words: str
    """What became of the base's own prompts; empty if not measured."""
    as_first: str
    """The ids in the order in which this run is the one that the others are compared with."""


def choice(one: Candidate) -> str:
    """A run in the list to choose from."""
    state = verdicts.WORDS.get((one.job.result or {}).get("verdict", ""), "") or job_words.state(one.job)
    data = deleted_names.original(one.data.name) if one.data else "no data"
    return f"{one.job.name} · {state[:1].lower()}{state[1:]} · {data} · {ago(one.job.created_at)}"


def whole(found: Comparison) -> Markup:
    """The comparison."""
    return html(
        "runs/comparison",
        lines=_lines(found),
        first=found.first,
        metric=_metric(found),
        scores=_scores(found),
        differences=_differences(found),
        trivial=_trivial(found),
        remarks=found.remarks,
        curves=Markup("").join(run_charts.overlay(title, _curves(found, side)) for side, title in SIDES.items()),
        differing=found.differing,
        runs=found.runs,
    )


def numbers(found: Comparison) -> Markup:
    """The curves as tables; empty without points."""
    shown = [(title, _curves(found, side)) for side, title in SIDES.items()]
    return Markup("").join(
        html("section", title=title, words="") + run_charts.table(curves)
        for title, curves in shown
        if any(one.points for one in curves)
    )


def _curves(found: Comparison, side: str) -> list[Curve]:
    curves = []
    for place, run in enumerate(found.runs, 1):
        points = [point for point in events.metrics(run.job.id) if point.split == side]
        curves.append(Curve(place, run.label, [(p.step, p.values["loss"]) for p in points if "loss" in p.values]))
    return curves


def _metric(found: Comparison) -> str:
    """The deciding metric that all verdicts have in common; empty if there is none."""
    decided = {str(run.verdict["headline"]) for run in found.runs if run.verdict}
    return run_words.title(decided.pop()) if len(decided) == 1 else ""


def _scores(found: Comparison) -> Markup:
    """Base and result of every run on the deciding metric, if all have the same and it is a share."""
    judged = [(run, run.verdict) for run in found.runs if run.verdict]
    decided = {str(verdict["headline"]) for _, verdict in judged}
    if len(decided) != 1 or (metric := decided.pop()) not in verdicts.SHARES:
        return Markup("")
    rows = []
    for run, verdict in judged:
        pair = verdict["metrics"][metric]
        shares = {"base": pair["base"], "adapted": pair["adapted"]}
        rows.append((shortened(run.label, CHART_LABEL), shares, run_words.score(metric, pair["adapted"])))
    return charts.dot_rows(
        {"base": "its base", "adapted": "result"}, rows, f"{run_words.title(metric)}, 95 % intervals"
    )


def _differences(found: Comparison) -> Markup:
    metrics = dict.fromkeys(each.metric for one in found.against_first for each in one.differences)
    return Markup("").join(run_charts.differences(metric, found.first.label, found.against_first) for metric in metrics)


def _trivial(found: Comparison) -> list[str]:
    """What an answer that reads no prompt would score."""
    said = []
    for run in found.runs:
        trivial = (run.verdict or {}).get("trivial")
        metric = str((run.verdict or {}).get("headline"))
        if trivial and metric in trivial["metrics"]:
            share = run_words.score(metric, trivial["metrics"][metric])
            said.append(f"For comparison, {trivial['words']}: {share}.")
    return list(dict.fromkeys(said))


def _lines(found: Comparison) -> list[Line]:
    against = {one.run.job.id: one for one in found.against_first}
    return [_line(place, run, found, against.get(run.job.id)) for place, run in enumerate(found.runs, 1)]


def _line(place: int, run: Run, found: Comparison, one: Against | None) -> Line:
    verdict = run.verdict or {}
    metric, metrics = str(verdict.get("headline", "")), verdict.get("metrics", {})
    others = [other.job.id for other in found.runs if other is not run]
    stopped = verdicts.stopped(verdict)
    return Line(
        place=place,
        run=run,
        way=f"{job_words.method(run.job)}, {stopped}" if stopped else job_words.method(run.job),
        verdict=str(verdict.get("verdict", "")),
        words=verdicts.WORDS.get(str(verdict.get("verdict")), job_words.state(run.job)),
        score=run_words.score(metric, metrics[metric]["adapted"]) if metric in metrics else "–",
        base=run_words.score(metric, metrics[metric]["base"]) if metric in metrics else "–",
        metric=run_words.title(metric),
        differences=[run_words.named_difference(each) for each in one.differences] if one else [],
        why_not=(one.why_not if one else None) or "",
        loss=run_words.score("loss", metrics["loss"]["adapted"]) if "loss" in metrics else "–",
        own_words=verdicts.own_words_figure(verdict),
        forgotten=verdicts.forgotten_figure(verdict).removeprefix("general abilities ") or "not measured",
        as_first=",".join([run.job.id, *others]),
    )
