"""What the Data page shows of a file or a dataset, as HTML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app import charts
from app.formats import count, escaped, plural, shortened
from app.pages import layout, rendered
from storage.models import BaseModelRow, Dataset
from storage.rendering import rendered_rows
from templates import registry
from templates.errors import Problem

LABELS_SHOWN = 12


def clean_name(stem: str) -> str:
    """A file's name as a dataset's."""
    return re.sub(r"[^\w.-]+", "-", stem).strip("-._")[:48] or "data"


def title(name: str, n_rows: int, what: str) -> str:
    """The heading of a file or dataset."""
    return f"<h2>{escaped(name)}</h2><p class='quiet'>{plural(n_rows, 'row')} · {escaped(what)}</p>"


def fields(dataset: Dataset) -> str:
    """Which column each field came from."""
    shape = registry.shape(dataset.shape)
    titles = {field.name: field.title for field in shape.fields}
    rows = [[escaped(titles.get(name, name)), escaped(column)] for name, column in dataset.mapping.items()]
    return layout.table(["Field", "Column of the file"], rows, "Mapping")


def facts(dataset: Dataset) -> str:
    """Split, labels and content hash."""
    lines = [
        ("Learned from", plural(dataset.n_rows - dataset.n_held_out, "row")),
        ("Held out to measure", plural(dataset.n_held_out, "row")),
        ("Held-out rows", _drawn(dataset)),
        ("Content hash", f"<code>{escaped(dataset.sha256[:12])}</code>"),
    ]
    if dataset.labels:
        names = ", ".join(escaped(shortened(label, 30)) for label in dataset.labels[:LABELS_SHOWN])
        more = f" and {len(dataset.labels) - LABELS_SHOWN} more" if len(dataset.labels) > LABELS_SHOWN else ""
        lines.append((plural(len(dataset.labels), "label"), names + more))
    return '<dl class="facts">' + "".join(f"<dt>{k}</dt><dd>{v}</dd>" for k, v in lines) + "</dl>"


def _drawn(dataset: Dataset) -> str:
    file = dataset.held_out_file
    return f"those of “{escaped(file)}”" if file else f"drawn with seed {dataset.split_seed}"


def health(dataset: Dataset) -> str:
    """One word for the list."""
    return plural(len(dataset.remarks), "remark") if dataset.remarks else "ready"


def remarks(found: Iterable[Any], problems: Sequence[Problem]) -> str:
    """Problems first, then oddities that were accepted."""
    items = [f'<li class="bad">{escaped(problem)}</li>' for problem in problems]
    items += [f"<li>{escaped(_sentence(remark))}</li>" for remark in found]
    return f'<ul class="remarks">{"".join(items)}</ul>' if items else "<p>Nothing odd was found.</p>"


def _sentence(remark: Any) -> str:
    if not isinstance(remark, Mapping):
        return str(getattr(remark, "message", remark))
    rows = remark.get("rows") or []
    where = f" Rows {', '.join(map(str, rows[:5]))}{' …' if len(rows) > 5 else ''}." if rows else ""
    return f"{remark.get('message', '')}{where}"


def lengths(base: BaseModelRow, sample: rendered.Sample, length: int) -> str:
    """Histogram and counts, those of rejected answers apart; says so when only the first rows were measured."""
    report = _measured(base, sample, sample.rows, length)
    measured = len(sample.rows)
    share = "all" if measured >= sample.n_rows else f"the first {count(measured)} of {count(sample.n_rows)}"
    words = [
        f"Measured on {share} rows: {count(report.n_tokens)} tokens, {count(report.n_trained_tokens)} of them learned.",
        f"{plural(report.n_truncated, 'row')} longer than {count(length)} tokens would be cut at the end.",
        f"{plural(report.n_refused, 'row')} would be refused{_first_reason(report)}.",
    ]
    if report.control_tokens_words:
        words.append(escaped(report.control_tokens_words))
    shown = charts.histogram(report.histogram, length) + "".join(f"<p>{word}</p>" for word in words)
    return shown + _rejected_lengths(base, sample, length)


def _measured(
    base: BaseModelRow, sample: rendered.Sample, rows: Sequence[Mapping[str, Any]], length: int
) -> rendered_rows.LengthReport:
    return rendered_rows.measure(
        rendered.renderer(base),
        sample.shape,
        rows,
        max_length=length,
        trains_prompt=rendered.trains_prompt(sample.shape) or not registry.shape(sample.shape).has_answers,
    )


def _rejected_lengths(base: BaseModelRow, sample: rendered.Sample, length: int) -> str:
    """The same of the rejected answers, each in the place of the chosen one; nothing without any."""
    worse = registry.shape(sample.shape).rejected
    rows = [bad for bad in map(worse, sample.rows) if bad is not None]
    if not rows:
        return ""
    report = _measured(base, sample, rows, length)
    words = [
        f"{plural(len(rows), 'rejected answer')}, each after its prompt, as training on preferences reads it: "
        f"{count(report.n_tokens)} tokens, {count(report.n_trained_tokens)} of them of the answers. "
        "Fine-tuning learns chosen answers only.",
        f"With the rejected answer, {plural(report.n_truncated, 'row')} would be cut at the end and "
        f"{plural(report.n_refused, 'row')} refused{_first_reason(report)}.",
    ]
    if report.control_tokens_words:
        words.append(f"With the rejected answer, {escaped(report.control_tokens_words)}")
    title = "Rows with their rejected answer, by length in tokens"
    return charts.histogram(report.histogram, length, title) + "".join(f"<p>{word}</p>" for word in words)


def _first_reason(report: rendered_rows.LengthReport) -> str:
    """Why, in the words of the first one."""
    if not report.refused_rows:
        return ""
    row, why = report.refused_rows[0]
    return f"; row {count(row)}, because {escaped(why.rstrip('.'))}"
