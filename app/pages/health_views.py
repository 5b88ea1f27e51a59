"""The health report and a dataset's versions as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from app.formats import count
from app.markup import html
from storage import deleted_names
from storage.data.health.check import NOT_LOOKED_FOR
from storage.data.health.personal_data import masked
from storage.data.row_export import MEDIA
from storage.models import Dataset
from storage.votes import preference_data
from templates import registry, turns
from templates.quantities import plural
from templates.shortened import shortened

if TYPE_CHECKING:
    from storage.data.health.report import Report
    from storage.data.versions import Difference

ROWS_SHOWN = 8
TEXT_SHOWN = 160
LOST_SHOWN = 3
_BLANKS = {" ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍"}
"""The visible form of blanks at the edges of a text."""
_BADGES = {"ready": "better", "ready with warnings": "", "would mislead you": "worse"}
_WEIGHTS = {"misleading": ("worse", "misleads"), "warning": ("", "warning"), "note": ("", "note")}


def outcome(found: Report) -> Markup:
    """The outcome, and what a model could not learn."""
    return html("health/outcome", report=found, badge=_BADGES[found.outcome], most=LOST_SHOWN)


def findings(found: Report) -> Markup:
    """The findings, with their share of the rows as bars, and the checks without findings."""
    baseline = found.baseline
    return html(
        "health/findings",
        found=found.found,
        weights=_WEIGHTS,
        baseline=baseline,
        n_labelled=sum(n for _, n in baseline.counts) if baseline else 0,
        clean=[title[0].lower() + title[1:] for title in found.clean],
        most=ROWS_SHOWN,
        not_looked_for=NOT_LOOKED_FOR,
    )


@dataclass(frozen=True)
class Step:
    """One version, and its changes from the previous one."""

    name: str
    n_rows: int
    n_held_out: int
    fixes: list[str]
    is_here: bool
    is_deleted: bool


def lineage(found: Sequence[Dataset], children: Sequence[Dataset]) -> Markup:
    """The versions from the file down to this one, and those made from it."""
    here = found[-1]
    return html(
        "health/lineage",
        file=found[0].source_filename,
        came=_came(found[0]),
        steps=[_step(dataset, is_here=dataset is here) for dataset in (*found, *children)],
        key=here.id,
        kinds=list(MEDIA),
    )


def _came(first: Dataset) -> str:
    """Where the rows came from, in words."""
    if first.made_by_job_id:
        return "made by a job"
    voted = preference_data.lineage(first)
    if voted is None:
        return "the file"
    return f"{plural(voted.n_votes, 'vote')} on answers of {', '.join(voted.models)}"


def _step(dataset: Dataset, *, is_here: bool) -> Step:
    gone = dataset.deleted_at is not None
    return Step(
        name=deleted_names.original(dataset.name) if gone else dataset.name,
        n_rows=dataset.n_rows,
        n_held_out=dataset.n_held_out,
        fixes=[_fix_words(fix) for fix in dataset.fixes],
        is_here=is_here,
        is_deleted=gone and not is_here,
    )


def _fix_words(fix: Mapping[str, Any]) -> str:
    parts = [
        f"{count(fix[key])} {word}"
        for key, word in (("n_dropped", "dropped"), ("n_changed", "changed"), ("n_added", "put back"))
        if fix.get(key)
    ]
    words = f", for {_shown(fix['words'])}" if "words" in fix else ""
    return f"{_title(fix['check'])} — {fix['title'][0].lower()}{fix['title'][1:]}: {', '.join(parts)}{words}"


def _title(check: str) -> str:
    """The check's title in the report; the key if the check no longer exists."""
    from storage.data.health import report  # needed late: numpy is slow to import

    known = report.checks().get(check)
    return known.title if known else check.replace("_", " ")


def _shown(words: Sequence[str]) -> str:
    from storage.data.rows.words import shown  # needed late: numpy is slow to import

    return shown(words)


def difference(found: Difference, shape: str, parent: str) -> Markup:
    """The changes from the previous version: counts, then the first rows of each kind."""
    fields, shown = registry.shape(shape).fields, found.dropped[:ROWS_SHOWN]
    filled = [f for f in fields if any(row.get(f.name) not in (None, []) for row in shown)]
    changed = [
        [count(one.row), f.title, _cell(one.before[f.name]), _cell(one.after[f.name])]
        for one in found.changed[:ROWS_SHOWN]
        for f in fields
        if one.before[f.name] != one.after[f.name]
    ]
    return html(
        "health/difference",
        parent=parent,
        changed=changed,
        dropped=[[count(row["source_row"]), *(_cell(row.get(f.name)) for f in filled)] for row in shown],
        fields=[f.title for f in filled],
        n_changed=len(found.changed),
        n_dropped=len(found.dropped),
        n_same=found.n_same,
        most=ROWS_SHOWN,
    )


def _words(value: list[Any]) -> str:
    """The last turn of a conversation, or the names of tools."""
    return turns.said(value[-1]) if value and "role" in value[-1] else turns.tool_names(value)


def _cell(value: Any) -> Markup:
    """A value without personal data and with visible blanks; a conversation as its last turn."""
    text = _words(value) if isinstance(value, list) else str(value).lower() if isinstance(value, bool) else value
    hidden = masked(text or "")
    inner = hidden.strip()
    before, after = hidden.partition(inner)[::2] if inner else (hidden, "")
    shown = "".join(_BLANKS.get(sign, sign) for sign in before) + inner
    shown = shortened(shown, TEXT_SHOWN) + "".join(_BLANKS.get(sign, sign) for sign in after[:TEXT_SHOWN])
    return html("health/text", text=shown)
