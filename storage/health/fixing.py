"""A dataset's findings mended, into a new version of it; the old version stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from storage import datasets, versions
from storage.health import lengths, report
from storage.health.check import Check
from storage.health.fix import applied
from storage.health.rows import Rows
from storage.models import Dataset, User
from templates import registry
from templates.errors import BadInput, Problem, refuse


def fixable() -> dict[str, Check]:
    """The checks whose findings can be mended, by key."""
    return {key: check for key, check in report.checks().items() if check.fix}


def fix(
    user: User,
    name_or_id: str,
    keys: Sequence[str],
    *,
    base: str | None = None,
    against: str | None = None,
    name: str | None = None,
) -> Dataset:
    """Mend what the checks `keys` find, one after the other, each on what the one before has left.

    Texts are rewritten before rows are dropped, as rewriting makes rows equal. `base` names the model in
    whose tokens lengths are counted, `against` an evaluation set.

    Raises `BadInput` for an unknown check, for one that needs a base model or an evaluation set where none
    is named, when nothing is found, and when no training row or no held-out row would be left; `NotFound`;
    `Conflict` for a taken name.
    """
    parent = datasets.get(user, name_or_id)
    reader = lengths.reader(user, base) if base else None
    evaluation = report.rows_of(report.evaluation_set(user, parent, against))
    chosen = _chosen(keys, with_base=reader is not None, with_evaluation=bool(evaluation))
    rows, done = datasets.rows(parent), []
    shape = registry.shape(parent.shape)
    for check in chosen:
        measured = reader.measure(shape, rows) if reader else None
        seen = Rows.of(shape, rows, measured, evaluation)
        found = check.find(seen)
        if found is None or check.fix is None:
            continue
        edited = applied(shape, rows, check.fix.edit(seen, found))
        rows = edited.rows
        if edited.n_dropped or edited.n_changed:
            done.append(_step(check, edited.n_dropped, edited.n_changed))
    _refuse_empty(parent, rows, done)
    return versions.derive(user, parent, rows, done, name=name)


def _chosen(keys: Sequence[str], *, with_base: bool, with_evaluation: bool) -> list[Check]:
    known = fixable()
    remedy = f"Those that can be: {', '.join(known)}."
    unknown = ", ".join(f"“{key}”" for key in keys if key not in known)
    problems = [Problem(f"{unknown} can't be mended.", field="fixes", remedy=remedy)] if unknown else []
    problems += [
        Problem(f"“{key}” needs a base model.", field="base", remedy="Name the model in whose tokens to count.")
        for key in keys
        if key in known and known[key].needs_base and not with_base
    ]
    problems += [
        Problem(f"“{key}” needs an evaluation set.", field="against", remedy="Name the dataset to compare with.")
        for key in keys
        if key in known and known[key].needs_evaluation and not with_evaluation
    ]
    if not keys:
        problems.append(Problem("none is named.", field="fixes", remedy=remedy))
    refuse(problems)
    once = [known[key] for key in dict.fromkeys(keys)]
    return sorted(once, key=lambda check: (not (check.fix and check.fix.rewrites), check.key))


def _step(check: Check, n_dropped: int, n_changed: int) -> dict[str, Any]:
    assert check.fix
    return {"check": check.key, "title": check.fix.title, "n_dropped": n_dropped, "n_changed": n_changed}


def _refuse_empty(parent: Dataset, rows: Sequence[Mapping[str, Any]], done: Sequence[Mapping[str, Any]]) -> None:
    if not done:
        problem = Problem(f"Nothing of “{parent.name}” is to be mended by these.", field="fixes")
        raise BadInput(problem, code="nothing_to_fix")
    held_out = [bool(row["held_out"]) for row in rows]
    gone = [side for side, held in (("training", False), ("held-out", True)) if held not in held_out]
    if gone:
        problem = Problem(f"No {' and no '.join(gone)} row would be left.", field="fixes", remedy="Choose fewer fixes.")
        raise BadInput(problem, code="nothing_left")
