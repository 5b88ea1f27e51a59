"""The health report and a dataset's versions as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from app.formats import count, escaped, plural, shortened
from app.pages import layout
from storage.data.health.personal_data import masked
from storage.data.row_export import MEDIA
from storage.models import Dataset
from templates import registry, turns

if TYPE_CHECKING:
    from storage.data.health.report import Baseline, Found, Report
    from storage.data.versions import Difference

ROWS_SHOWN = 8
TEXT_SHOWN = 160
LOST_SHOWN = 3
_BLANKS = {" ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍"}
"""How blanks at the edges of a text are shown."""
_BADGES = {"ready": "better", "ready with warnings": "", "would mislead you": "worse"}
_WEIGHTS = {"misleading": ("worse", "misleads"), "warning": ("", "warning"), "note": ("", "note")}


def outcome(found: Report) -> str:
    """What it comes to, and what could not be learned."""
    badge = f'<span class="badge {_BADGES[found.outcome]}">{escaped(found.outcome)}</span>'
    n_found = plural(len(found.found), "finding")
    said = f"<p>{badge} {n_found} in {plural(found.n_rows, 'row')}, {count(found.n_held_out)} of them held out</p>"
    if not found.lost:
        return said
    items = "".join(f"<li>{escaped(one)}</li>" for one in found.lost)
    is_open = " open" if len(found.lost) <= LOST_SHOWN else ""
    head = f"{plural(len(found.lost), 'thing')} that a model trained on it could not learn"
    return f'{said}<details class="lost"{is_open}><summary>{head}</summary><ul class="remarks">{items}</ul></details>'


def findings(found: Report) -> str:
    """What is found, with its share of the rows as a bar, and what is not."""
    clean = ", ".join(title[0].lower() + title[1:] for title in found.clean)
    nothing = f'<p class="quiet">Nothing found: {escaped(clean)}.</p>' if clean else ""
    return f"{''.join(map(_finding, found.found))}{_labels(found.baseline)}{nothing}"


def _finding(one: Found) -> str:
    check, finding = one.check, one.finding
    kind, word = _WEIGHTS[one.level]
    examples = "".join(f"<li>row {count(e.row)}: {escaped(e.text)}</li>" for e in finding.examples)
    rows = f"{count(len(finding.rows))} of {plural(finding.out_of, 'row')}"
    return (
        f'<div class="card finding"><h3>{escaped(check.title)} <span class="badge {kind}">{word}</span></h3>'
        f"{_bar(finding.share, f'{rows}, {_percent(finding.share)}', one.level)}"
        f"<p>{escaped(finding.says)}</p>"
        f'<p class="quiet">{escaped(check.why)} <span class="small-print">({escaped(check.source)})</span></p>'
        f'<details><summary>Examples</summary><ul class="remarks">{examples}</ul></details></div>'
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"


def _bar(share: float, value: str, kind: str) -> str:
    width = max(100 * share, 0.5)
    return (
        f'<div class="share-row {kind}"><svg class="bar" viewBox="0 0 100 12" preserveAspectRatio="none" role="img" '
        f'aria-label="{escaped(value)}"><rect class="track" width="100" height="12"/>'
        f'<rect class="fill" width="{width:.1f}" height="12"/></svg><span class="value">{escaped(value)}</span></div>'
    )


def _labels(found: Baseline | None) -> str:
    """The most frequent labels, and what always giving the first of them scores."""
    if found is None:
        return ""
    n_rows = sum(n for _, n in found.counts)
    most = found.counts[0][1]
    shown = found.counts[:ROWS_SHOWN]
    bars = "".join(
        f'<li><span class="name">{escaped(shortened(label, 40))}</span>{_bar(n / most, count(n), "label")}</li>'
        for label, n in shown
    )
    more = f"the {ROWS_SHOWN} most frequent of " if len(found.counts) > ROWS_SHOWN else ""
    return (
        f'<h3>Labels</h3><p class="quiet">Rows by label, {more}{plural(len(found.counts), "label")} in '
        f"{plural(n_rows, 'row')}. Always giving “{escaped(found.label)}” scores {_percent(found.share)} "
        f'without reading.</p><ul class="label-bars">{bars}</ul>'
    )


def lineage(found: Sequence[Dataset], children: Sequence[Dataset]) -> str:
    """From the file to this version, downwards, and what was made of it."""
    came = "made by a job" if found[0].made_by_job_id else "the file"
    steps = [f"<li><b>{escaped(found[0].source_filename)}</b> <span class='quiet'>{came}</span></li>"]
    steps += [_step(dataset, here=dataset is found[-1]) for dataset in found]
    steps += [_step(dataset, here=False) for dataset in children]
    name = quote(found[-1].id)
    ways = " ".join(
        f'<a class="button" href="api/v1/data/{name}/export?format={kind}" download>{kind.upper()}</a>'
        for kind in MEDIA
    )
    return f'<ol class="lineage">{"".join(steps)}</ol><p class="ways">Download this version: {ways}</p>'


def _step(dataset: Dataset, *, here: bool) -> str:
    gone = dataset.deleted_at is not None
    name = escaped(dataset.name.partition(" (deleted ")[0] if gone else dataset.name)
    shown = f"<b>{name}</b>" if here else name
    linked = shown if here or gone else f'<a href="data?data={quote(dataset.name)}">{shown}</a>'
    facts = f"{plural(dataset.n_rows, 'row')}, {count(dataset.n_held_out)} held out"
    done = "".join(f"<li>{escaped(_fix_words(fix))}</li>" for fix in dataset.fixes)
    marks = ", this one" if here else ", deleted" if gone else ""
    how = f'<ul class="remarks">{done}</ul>' if done else ""
    return f'<li{" class=here" if here else ""}>{linked} <span class="quiet">{facts}{marks}</span>{how}</li>'


def _fix_words(fix: Mapping[str, Any]) -> str:
    parts = [
        f"{count(fix[key])} {word}" for key, word in (("n_dropped", "dropped"), ("n_changed", "changed")) if fix[key]
    ]
    words = f", for {_shown(fix['words'])}" if "words" in fix else ""
    return f"{_title(fix['check'])} — {fix['title'][0].lower()}{fix['title'][1:]}: {', '.join(parts)}{words}"


def _title(check: str) -> str:
    """What the report calls it; a check that is no more has its key only."""
    from storage.data.health import report  # needed late: numpy is slow to import

    known = report.checks().get(check)
    return known.title if known else check.replace("_", " ")


def _shown(words: Sequence[str]) -> str:
    from storage.data.rows.words import shown  # needed late: numpy is slow to import

    return shown(words)


def difference(found: Difference, shape: str, parent: str) -> str:
    """What was done to the rows of the version before: counts, then the first rows of each kind."""
    fields, shown = registry.shape(shape).fields, found.dropped[:ROWS_SHOWN]
    filled = [f for f in fields if any(row.get(f.name) not in (None, []) for row in shown)]
    counts = [
        f"{plural(len(found.dropped), 'row')} dropped",
        f"{count(len(found.changed))} changed",
        f"{count(found.n_same)} the same",
    ]
    dropped = [[count(row["source_row"]), *(_cell(row.get(f.name)) for f in filled)] for row in shown]
    changed = [
        [count(one.row), escaped(f.title), _cell(one.before[f.name]), _cell(one.after[f.name])]
        for one in found.changed[:ROWS_SHOWN]
        for f in fields
        if one.before[f.name] != one.after[f.name]
    ]
    parts = [f"<h3>What is different from “{escaped(parent)}”</h3><p>{', '.join(counts)}</p>"]
    if changed:
        parts.append(_table("Changed", ["Row", "Field", "Before", "After"], changed, len(found.changed)))
    if dropped:
        parts.append(_table("Dropped", ["Row", *(escaped(f.title) for f in filled)], dropped, len(found.dropped)))
    return "".join(parts)


def _table(title: str, head: list[str], rows: list[list[str]], n_all: int) -> str:
    more = f" <span class='quiet'>the first {ROWS_SHOWN} of {count(n_all)}</span>" if n_all > ROWS_SHOWN else ""
    return f"<h3>{title}{more}</h3>{layout.table(head, rows, title, frozenset({0}), texts=True)}"


def _words(value: list[Any]) -> str:
    """The last turn of a conversation, or the names of tools."""
    return turns.said(value[-1]) if value and "role" in value[-1] else turns.tool_names(value)


def _cell(value: Any) -> str:
    """A value without personal data and with its blanks to be seen; a conversation as its last turn."""
    text = _words(value) if isinstance(value, list) else str(value).lower() if isinstance(value, bool) else value
    hidden = masked(text or "")
    inner = hidden.strip()
    before, after = hidden.partition(inner)[::2] if inner else (hidden, "")
    shown = "".join(_BLANKS.get(sign, sign) for sign in before) + inner
    shown = shortened(shown, TEXT_SHOWN) + "".join(_BLANKS.get(sign, sign) for sign in after[:TEXT_SHOWN])
    return f'<span class="said">{escaped(shown)}</span>'
