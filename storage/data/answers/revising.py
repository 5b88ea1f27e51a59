"""What a person changes about a teacher's answers, as a new version: put back, removed, or written anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from storage.data import datasets, versions
from storage.data.answers import dropped
from storage.data.answers.dropped import DroppedAnswer
from storage.models import Dataset, User
from templates import registry, turns
from templates.errors import BadInput, Problem, refuse
from templates.spec import RowShape

CHECK = "by_hand"
"""Stands where a fix of the health report has its check."""
_NO_TEXT = ("\0", *map(chr, range(0xD800, 0xE000)))


def revise(
    user: User,
    name_or_id: str,
    *,
    put_back: Sequence[int] = (),
    remove: Sequence[int] = (),
    rewrite: Mapping[int, str] | None = None,
    name: str | None = None,
) -> Dataset:
    """Make a version with these dropped answers back among the rows, these rows out of them, and these texts.

    Answers go by their row's number; one that is put back may be rewritten too. The removed ones stay among the
    dropped. Raises `BadInput` with every problem, `NotFound`, and `Conflict` for a taken name.
    """
    parent = datasets.get(user, name_or_id)
    shape, texts = registry.shape(parent.shape), dict(rewrite or {})
    rows = {int(row["source_row"]): row for row in datasets.rows(parent)}
    out = {one.number: one for one in dropped.of(parent)}
    put_back, remove = list(dict.fromkeys(put_back)), list(dict.fromkeys(remove))
    _refuse_unknown(parent, rows, out, put_back, remove, texts)
    for number in put_back:
        one = out.pop(number)
        rows[number] = {**one.row, "held_out": one.held_out, "source_row": number}
    for number in remove:
        out[number] = _removed(shape, rows.pop(number))
    changed = [number for number, text in texts.items() if text.strip() != text_of(shape, rows[number])]
    for number in changed:
        rows[number] = with_text(shape, rows[number], texts[number].strip())
    steps = _steps(len(put_back), len(remove), len(changed))
    kept = [rows[number] for number in sorted(rows)]
    _refuse_useless(parent, kept, steps)
    return versions.derive(user, parent, kept, steps, name=name, dropped_sha256=dropped.store(out.values()))


def text_of(shape: RowShape, row: Mapping[str, Any]) -> str:
    """The row's answer."""
    return str(row[shape.answer]) if shape.answer else turns.said(row["messages"][-1])


def with_text(shape: RowShape, row: Mapping[str, Any], text: str) -> dict[str, Any]:
    """The row with another answer; the reasoning before it stays."""
    if shape.answer:
        return {**row, shape.answer: text}
    *before, last = row["messages"]
    return {**row, "messages": [*before, {**last, "content": text}]}


def prompt_of(shape: RowShape, row: Mapping[str, Any]) -> str:
    """Everything before the row's answer, as lines."""
    said = shape.messages(row)[:-1] if shape.messages else []
    return "\n".join(turns.said(turn) for turn in said)


def _removed(shape: RowShape, row: Mapping[str, Any]) -> DroppedAnswer:
    number = int(row["source_row"])
    plain = {field.name: row.get(field.name) for field in shape.fields}
    return DroppedAnswer(number, number, "removed", "Removed by hand.", bool(row["held_out"]), plain)


def _steps(n_back: int, n_removed: int, n_changed: int) -> list[dict[str, Any]]:
    """The changes, as `Dataset.fixes` records them."""
    done = [
        ("Put dropped answers back", {"n_dropped": 0, "n_changed": 0, "n_added": n_back}, n_back),
        ("Remove answers", {"n_dropped": n_removed, "n_changed": 0}, n_removed),
        ("Rewrite answers", {"n_dropped": 0, "n_changed": n_changed}, n_changed),
    ]
    return [{"check": CHECK, "title": title, **counts} for title, counts, n in done if n]


def _refuse_unknown(
    parent: Dataset,
    rows: Mapping[int, Mapping[str, Any]],
    out: Mapping[int, DroppedAnswer],
    put_back: Sequence[int],
    remove: Sequence[int],
    texts: Mapping[int, str],
) -> None:
    problems, shape = [], registry.shape(parent.shape)
    if not shape.answer and all(field.name != "messages" for field in shape.fields):
        what = f"“{parent.name}” holds {parent.shape}, whose rows don’t end with one answer."
        raise BadInput(Problem(what, field="dataset", remedy="Choose a dataset of prompts and answers."))
    problems += [
        Problem(f"is not among the dropped answers of “{parent.name}”.", row=number, field="put_back")
        for number in put_back
        if number not in out
    ]
    problems += [
        Problem(f"is not a row of “{parent.name}”.", row=number, field="remove")
        for number in remove
        if number not in rows
    ]
    problems += [
        Problem("has no text.", row=number, field="put_back", remedy="Write its answer too.")
        for number in put_back
        if number in out and number not in texts and not text_of(shape, out[number].row)
    ]
    there = (rows.keys() - set(remove)) | set(put_back)
    problems += [
        Problem("is neither a row nor put back, so it can't be rewritten.", row=number, field="rewrite")
        for number in texts
        if number not in there
    ]
    problems += [
        Problem(
            "is empty, or holds a character that is no text.", row=number, field="rewrite", remedy="Remove it instead."
        )
        for number, text in texts.items()
        if not text.strip() or any(sign in text for sign in _NO_TEXT)
    ]
    refuse(problems)


def _refuse_useless(parent: Dataset, kept: Sequence[Mapping[str, Any]], steps: Sequence[Mapping[str, Any]]) -> None:
    if not steps:
        raise BadInput(Problem("Nothing would change.", remedy="Put an answer back, remove one, or rewrite one."))
    n_held_out = sum(bool(row["held_out"]) for row in kept)
    sides = (
        ("training", parent.n_rows - parent.n_held_out, len(kept) - n_held_out),
        ("held-out", parent.n_held_out, n_held_out),
    )
    gone = [side for side, before, after in sides if before and not after]
    if gone:
        what = f"No {' and no '.join(gone)} row would be left."
        raise BadInput(Problem(what, field="remove", remedy="Remove fewer."), code="nothing_left")
