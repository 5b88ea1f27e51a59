"""Renders a file or a dataset for the Data page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from app import charts
from app.formats import count
from app.markup import html
from app.pages import layout, lineage, rendered
from storage.bases import base_models
from storage.data import openings
from storage.data.health.outcomes import Outcome
from storage.models import BaseModelRow, Dataset
from storage.rendering import limited, rendered_rows
from storage.rendering.questions import Measured
from templates import registry
from templates.errors import Problem
from templates.quantities import plural
from templates.shortened import shortened

LABELS_SHOWN = 12


def clean_name(stem: str) -> str:
    """A dataset name made from a file's name."""
    return re.sub(r"[^\w.-]+", "-", stem).strip("-._")[:48] or "data"


def title(name: str, n_rows: int, what: str) -> Markup:
    """The heading of a file or dataset."""
    return html("data/title", name=name, n_rows=n_rows, what=what)


def fields(dataset: Dataset) -> Markup:
    """The column behind each field."""
    titles = {field.name: field.title for field in registry.shape(dataset.shape).fields}
    rows = [[titles.get(name, name), column] for name, column in dataset.mapping.items()]
    return layout.table(["Field", "Column of the file"], rows, "Mapping")


def facts(dataset: Dataset) -> Markup:
    """Split, openings of the held-out side, labels and content hash."""
    found: list[tuple[str, str]] = [
        ("Used to train", plural(dataset.n_rows - dataset.n_held_out, "row")),
        ("Held out to measure", plural(dataset.n_held_out, "row")),
        ("Held-out rows", _drawn(dataset)),
        ("Used for verdicts", _used(openings.of(dataset))),
        ("Content hash", html("data/code", text=dataset.sha256[:12])),
    ]
    if dataset.teacher:
        found.append(("Teacher", " · ".join(lineage.teacher(dataset.teacher))))
    if dataset.labels:
        names = ", ".join(shortened(label, 30) for label in dataset.labels[:LABELS_SHOWN])
        more = f" and {len(dataset.labels) - LABELS_SHOWN} more" if len(dataset.labels) > LABELS_SHOWN else ""
        found.append((plural(len(dataset.labels), "label"), names + more))
    return html("data/facts", facts=found)


def _drawn(dataset: Dataset) -> str:
    file = dataset.held_out_file
    return f"those of “{file}”" if file else f"drawn with seed {dataset.split_seed}"


def _used(n: int) -> str:
    """How many verdicts have used the held-out rows, and what that means from the second one on."""
    warning = "; each verdict makes a lucky result likelier" if n > 1 else ""
    return f"{openings.times(n)}{warning}"


def health(dataset: Dataset, found: Outcome | None) -> Markup:
    """The outcome of the report, and the remarks on the file; for a large dataset not yet checked, where to look."""
    remarked = plural(len(dataset.remarks), "remark") if dataset.remarks else ""
    return html("data/health", name=dataset.name, found=found, remarked=remarked)


def remarks(found: Iterable[Any], problems: Sequence[Problem]) -> Markup:
    """Problems first, then oddities that were accepted."""
    return html("data/remarks", problems=problems, remarks=[_sentence(remark) for remark in found])


def _sentence(remark: Any) -> str:
    if not isinstance(remark, Mapping):
        return str(getattr(remark, "message", remark))
    rows = remark.get("rows") or []
    where = f" Rows {', '.join(map(str, rows[:5]))}{' …' if len(rows) > 5 else ''}." if rows else ""
    return f"{remark.get('message', '')}{where}"


def lengths(base: BaseModelRow, sample: rendered.Sample, length: int) -> Markup:
    """Histogram and counts, separately for rejected answers; notes if only the first rows were measured."""
    report = _measured(base, sample, sample.rows, length)
    measured = len(sample.rows)
    share = "all" if measured >= sample.n_rows else f"the first {count(measured)} of {count(sample.n_rows)}"
    words = [
        f"Measured on {share} rows: {count(report.n_tokens)} tokens; the model learns "
        f"{count(report.n_trained_tokens)}.",
        f"{plural(report.n_truncated, 'row')} longer than {count(length)} tokens would be cut at the end.",
        f"{plural(report.n_refused, 'row')} would be refused{_first_reason(report)}.",
    ]
    words += report.template_words
    shown = (charts.histogram(report.histogram, length), words)
    return html("data/lengths", parts=[shown, *_rejected_lengths(base, sample, length)])


def _measured(
    base: BaseModelRow, sample: rendered.Sample, rows: Sequence[Mapping[str, Any]], length: int
) -> rendered_rows.LengthReport:
    model = base_models.model(base)
    learns_all = rendered.trains_prompt(sample.shape) or not registry.shape(sample.shape).has_answers
    question = Measured(model, sample.shape, rows, sample.instruction.strip(), length, learns_all)
    return limited.ask(model, question)


def _rejected_lengths(base: BaseModelRow, sample: rendered.Sample, length: int) -> list[tuple[Markup, list[str]]]:
    """The same for rejected answers, each instead of the chosen one; empty if there are none."""
    worse = registry.shape(sample.shape).rejected
    rows = [bad for bad in map(worse, sample.rows) if bad is not None]
    if not rows:
        return []
    report = _measured(base, sample, rows, length)
    words = [
        f"{plural(len(rows), 'rejected answer')}, each after its prompt, as training on preferences reads it: "
        f"{count(report.n_tokens)} tokens, {count(report.n_trained_tokens)} of them of the answers. "
        "Fine-tuning learns chosen answers only.",
        f"With the rejected answer, {plural(report.n_truncated, 'row')} would be cut at the end and "
        f"{plural(report.n_refused, 'row')} refused{_first_reason(report)}.",
    ]
    if report.control_tokens_words:
        words.append(f"With the rejected answer, {report.control_tokens_words}")
    title = "Rows with their rejected answer, by length in tokens"
    return [(charts.histogram(report.histogram, length, title), words)]


def _first_reason(report: rendered_rows.LengthReport) -> str:
    """The reason given for the first one."""
    if not report.refused_rows:
        return ""
    row, why = report.refused_rows[0]
    return f"; row {count(row)}, because {why.rstrip('.')}"
