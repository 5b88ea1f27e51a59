"""Fixes a dataset's findings in a new version of it; the old version stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from storage.data import datasets, versions
from storage.data.health import report
from storage.data.health.check import Check, Finding
from storage.data.health.fix import Edited, applied
from storage.data.rows import lengths
from storage.data.rows.rows import Rows
from storage.data.rows.words import Words
from storage.models import Dataset, User
from templates import registry
from templates.errors import BadInput, Problem, refuse


def fixable() -> dict[str, Check]:
    """The checks whose findings can be fixed, by key."""
    return {key: check for key, check in report.checks().items() if check.fix}


def fix(
    user: User,
    name_or_id: str,
    keys: Sequence[str],
    *,
    base: str | None = None,
    against: str | None = None,
    words: Words | None = None,
    name: str | None = None,
) -> Dataset:
    """Fix the findings of the checks `keys`, one after the other, each on the rows that the previous fix left.

    Texts are rewritten before rows are dropped, because rewriting can make rows equal. `base` names the model
    in whose tokens lengths are counted, `against` an evaluation set, `words` the forbidden words.

    Raises `BadInput` for an unknown check, for one that needs a base model, an evaluation set or words where
    none is named, when nothing is found, and when no training row or no held-out row would be left;
    `NotFound`; `Conflict` for a taken name.
    """
    parent = datasets.get(user, name_or_id)
    reader = lengths.reader(user, base, parent.instruction) if base else None
    evaluation = report.rows_of(report.evaluation_set(user, parent, against))
    chosen = _chosen(keys, {"base": reader, "against": evaluation, "words": words})
    rows, done = datasets.rows(parent), []
    shape = registry.shape(parent.shape)
    for check in chosen:
        measured = reader.measure(shape, rows) if reader else None
        seen = Rows.of(shape, rows, measured, evaluation, words, is_sampled=bool(parent.teacher))
        found = check.find(seen)
        if found is None or check.fix is None:
            continue
        edited = applied(shape, rows, check.fix.edit(seen, found))
        rows = edited.rows
        if edited.n_dropped or edited.n_changed:
            done.append(_step(check, found, edited))
    _refuse_empty(parent, rows, done)
    return versions.derive(user, parent, rows, done, name=name)


def _chosen(keys: Sequence[str], named: Mapping[str, object]) -> list[Check]:
    """The checks `keys`, in the order of their fixes; `named` maps each field to what the request names."""
    known = fixable()
    remedy = f"Fixes exist for: {', '.join(known)}."
    unknown = ", ".join(f"“{key}”" for key in keys if key not in known)
    problems = [Problem(f"{unknown} can't be fixed.", field="fixes", remedy=remedy)] if unknown else []
    needs = ((key, known[key].needs) for key in keys if key in known)
    problems += [
        Problem(f"“{key}” needs {need.what}.", field=need.field, remedy=need.remedy)
        for key, need in needs
        if need and not named[need.field]
    ]
    if not keys:
        problems.append(Problem("none is named.", field="fixes", remedy=remedy))
    refuse(problems)
    once = [known[key] for key in dict.fromkeys(keys)]
    return sorted(once, key=lambda check: (not (check.fix and check.fix.rewrites), check.key))


def _step(check: Check, found: Finding, edited: Edited) -> dict[str, Any]:
    assert check.fix
    counts = {"n_dropped": edited.n_dropped, "n_changed": edited.n_changed}
    words = {"words": list(found.words)} if found.words else {}
    return {"check": check.key, "title": check.fix.title, **counts, **words}


def _refuse_empty(parent: Dataset, rows: Sequence[Mapping[str, Any]], done: Sequence[Mapping[str, Any]]) -> None:
    if not done:
        problem = Problem(f"These fixes change nothing in “{parent.name}”.", field="fixes")
        raise BadInput(problem, code="nothing_to_fix")
    held_out = [bool(row["held_out"]) for row in rows]
    gone = [side for side, held in (("training", False), ("held-out", True)) if held not in held_out]
    if gone:
        problem = Problem(f"No {' and no '.join(gone)} row would be left.", field="fixes", remedy="Choose fewer fixes.")
        raise BadInput(problem, code="nothing_left")
