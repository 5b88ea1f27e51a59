"""Turns a file's rows into rows of a shape, field by field; values that don't fit are problems, never guesses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from storage.data.intake import conversations, isolate, judgements, listed, tool_use
from storage.data.intake.cell import Cell
from storage.data.intake.choices import JOINT, columns_of
from storage.data.intake.findings import Findings
from storage.data.intake.looking import Look, read_again
from storage.data.intake.questions import questions
from storage.data.intake.strict_json import kind
from storage.data.intake.tally import blank
from templates.errors import Problem
from templates.spec import RowShape, ShapeField

if TYPE_CHECKING:
    import pyarrow as pa

    from storage.data.intake.fast import Columns

JOINT_TEXT = "\n\n"
"""Separates the texts of columns joined into one field."""
READ_WHOLE: Mapping[str, Callable[[Any, Cell], Any]] = {
    "messages": lambda value, cell: conversations.read(value, cell.row, cell.column, cell.findings),
    "tools": lambda value, cell: tool_use.tools(value, cell) or None,
    "boolean": judgements.truth,
}
"""Readers for fields that are not texts, each from one column."""
N_LISTED = 4
_WRITTEN_OUT = {"integer": "whole numbers", "boolean": "true and false"}


def check_mapping(look: Look, shape: RowShape, mapping: Mapping[str, str]) -> list[Problem]:
    """The problems of a mapping: unknown fields or columns, fields left open, a column used twice."""
    names = [column.name for column in look.columns]
    file, there = look.source.filename, f"The file has: {', '.join(names[:20])}."
    fields = {f.name for f in shape.fields}
    problems = [
        Problem(
            f"is not a field of “{shape.title}”.", field=name, remedy=f"Its fields are: {', '.join(sorted(fields))}."
        )
        for name in mapping
        if name not in fields
    ]
    for wanted in shape.fields:
        column = mapping.get(wanted.name)
        if column:
            parts = columns_of(column, names)
            missing = [part for part in parts if part not in names]
            problems += [Problem(f"there is no column “{m}”.", file, field=wanted.name, remedy=there) for m in missing]
            if len(parts) > 1 and wanted.kind in READ_WHOLE:
                problems.append(Problem("takes one column, not several.", file, field=wanted.name))
        elif wanted.required:
            problems.append(Problem(f"choose a column for “{wanted.title}”.", file, field=wanted.name, remedy=there))
    return problems + _repeated([columns_of(choice, names) for choice in mapping.values() if choice], file)


def _repeated(chosen: list[list[str]], file: str) -> list[Problem]:
    """The problems of columns chosen more than once, each field's columns given."""
    used = [column for columns in chosen for column in columns]
    twice = sorted({column for column in used if used.count(column) > 1})
    where = {
        column: "more than once for one field"
        if any(c.count(column) > 1 for c in chosen)
        else "for more than one field"
        for column in twice
    }
    return [Problem(f"you chose the column “{c}” {where[c]}.", file, field=c) for c in twice]


def remark_unused(look: Look, mapping: Mapping[str, str], findings: Findings) -> None:
    """Note the unused columns, and ask about those that look like an answer or a label."""
    names = [column.name for column in look.columns]
    used = {part for choice in mapping.values() for part in columns_of(choice, names)}
    unused = [name for name in names if name not in used]
    if unused:
        more = f" and {len(unused) - 10} more" if len(unused) > 10 else ""
        findings.remark(f"Not used: {', '.join(f'“{name}”' for name in unused[:10])}{more}.")
    for asked in questions(look, mapping):
        findings.remark(asked)


def note_unread(look: Look, findings: Findings) -> None:
    """Note the rows that can't be read, whatever the mapping."""
    for _ in read_again(look.source, findings) if look.n_unread else ():
        pass


def shaped(
    look: Look, shape: RowShape, mapping: Mapping[str, str], findings: Findings
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Row number and shape fields of each row that fits; `mapping` must have passed `check_mapping`.

    A row without tools has no such field, so its fingerprint is that of a conversation without tools.
    """
    names = [column.name for column in look.columns]
    chosen = {f.name: columns_of(mapping[f.name], names) if mapping.get(f.name) else [] for f in shape.fields}
    places = {name: JOINT.join(columns) for name, columns in chosen.items()}
    whole = {column.name: column.kind for column in look.columns}
    lists = {column.name for column in look.columns if column.writes_lists}
    label = _label(shape)
    has_prompt = any(field.kind == "prompt" for field in shape.fields)
    for row in read_again(look.source, findings):
        n_before = findings.n_problems
        made: dict[str, Any] = {}
        for wanted in shape.fields:
            columns = chosen[wanted.name]
            value = row.values.get(columns[0]) if len(columns) == 1 else None
            if wanted is label and isinstance(value, str) and columns[0] in lists:
                value = _label_of(value, Cell(row.number, columns[0], findings))
            elif wanted.kind in READ_WHOLE or not (isinstance(value, str) and value.strip()):  # otherwise a plain text
                cells = [(Cell(row.number, column, findings), row.values.get(column)) for column in columns]
                value = _value(wanted, cells, whole)
            if value is not None or wanted.kind != "tools":
                made[wanted.name] = value
        if findings.n_problems > n_before:
            continue
        whole_row = judgements.settled(shape, made, places, row.number, findings) if has_prompt else made
        if whole_row is not None:
            yield row.number, whole_row


def _value(wanted: ShapeField, cells: Sequence[tuple[Cell, Any]], whole: Mapping[str, str]) -> Any:
    """The value of a field from its chosen columns; problems are noted."""
    if wanted.kind in READ_WHOLE:
        return next((READ_WHOLE[wanted.kind](value, cell) for cell, value in cells), None)
    if wanted.kind in ("prompt", "answer") and len(cells) == 1 and isinstance(cells[0][1], (list, dict)):
        return cells[0][1]
    found = [_text(wanted, cell, value, whole[cell.column], len(cells) > 1) for cell, value in cells]
    texts = [text for text in found if text is not None]
    if not texts and wanted.required and len(cells) > 1:
        first, names = cells[0][0], JOINT.join(cell.column for cell, _ in cells)
        first.findings.problem("is empty in all the joined columns.", row=first.row, field=names)
    return JOINT_TEXT.join(texts) if texts else None


def shaped_columns(look: Look, shape: RowShape, mapping: Mapping[str, str]) -> Iterator[pa.RecordBatch] | None:
    """The rows of `shaped` by columns: the shape's fields and `source_row`, all texts.

    None if that is not possible, or if a row would be refused.
    """
    by_name = {column.name: column for column in look.columns}
    for wanted in shape.fields:
        choice = mapping.get(wanted.name)
        columns = [by_name[name] for name in columns_of(choice, list(by_name))] if choice else []
        able = ("text",) if len(columns) == 1 else ("text", "empty")
        if wanted.kind != "text" or not all(column.kind in able for column in columns):
            return None
        if wanted.required and all(column.n_missing for column in columns):
            return None
        if wanted is _label(shape) and columns[0].writes_lists:
            return None
    table = isolate.columns(look.source)
    return _columns(table, shape, mapping) if table else None


def _columns(table: Columns, shape: RowShape, mapping: Mapping[str, str]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    import pyarrow.compute as pc

    nothing = pa.scalar(None, pa.string())
    names = [field.name for field in shape.fields]
    chosen = [columns_of(mapping[name], table.names) if mapping.get(name) else [] for name in names]
    for batch in table.batches():
        numbers, *values = batch.columns
        found = dict(zip(table.names, values, strict=True))
        columns = []
        for field, parts in zip(shape.fields, chosen, strict=True):
            texts = _joined([found[name] for name in parts]) if parts else pa.nulls(len(batch), pa.string())
            is_open = None if field.required or texts.null_count == len(batch) else blank(texts)
            columns.append(pc.if_else(is_open, nothing, texts) if is_open and is_open.true_count else texts)
        yield pa.RecordBatch.from_arrays([*columns, numbers], names=[*names, "source_row"])


def _joined(columns: list[pa.Array]) -> pa.Array:
    """Several columns as one, blank cells left out; null where all of them are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(columns) == 1:
        return columns[0]
    nothing = pa.scalar(None, pa.string())
    texts = [column.cast(pa.string()) for column in columns]
    filled = [pc.if_else(blank(text), nothing, text) for text in texts]
    is_open = pc.is_null(pc.coalesce(*filled))
    return pc.if_else(is_open, nothing, pc.binary_join_element_wise(*filled, JOINT_TEXT, null_handling="skip"))


def _label(shape: RowShape) -> ShapeField | None:
    """The field with one of a fixed set of labels."""
    return [f for f in shape.fields if f.required][-1] if "label_accuracy" in shape.metrics else None


def _label_of(value: str, cell: Cell) -> str | None:
    """A label in a table that may write it as a list of one."""
    listing = listed.written(value)
    if listing is None and value.strip():
        return value
    only = _only(listing, cell) if listing else None
    if only is not None and only.strip():
        cell.findings.remark(f"“{cell.column}” holds lists with one text each; that text was used.")
        return only
    if not listing or only is not None:
        cell.problem("is empty; “Label” needs a text.", remedy="Fill it in, or leave out the row.")
    return None


def _only(texts: list[str], cell: Cell) -> str | None:
    """The only text of a list; several are a problem, because it is unclear which to learn."""
    if len(texts) == 1:
        return texts[0]
    listed = ", ".join(f"“{text[:40]}”" for text in texts[:N_LISTED])
    more = f" and {len(texts) - N_LISTED} more" if len(texts) > N_LISTED else ""
    remedy = "Keep one of them, or leave out the row."
    cell.problem(f"holds {len(texts)} texts ({listed}{more}) where one is needed.", remedy=remedy)
    return None


def _text(wanted: ShapeField, cell: Cell, value: Any, whole: str, joined: bool) -> str | None:
    """The value as text, verbatim. Blank values are left out if the field or its join allows it."""
    listing = listed.texts(value)
    if listing:
        value = _only(listing, cell)
        if value is None:
            return None
    if isinstance(value, str) and value.strip():
        if listing:
            cell.findings.remark(f"“{cell.column}” holds lists with one text each; that text was used.")
        return value
    if value is None or value == [] or isinstance(value, str):
        if wanted.required and not joined:
            what = "is missing or null" if value is None else "is empty" if not value else "contains only whitespace"
            cell.problem(f"{what}; “{wanted.title}” needs a text.", remedy="Fill it in, or leave out the row.")
        return None
    if whole in _WRITTEN_OUT and isinstance(value, int):
        cell.findings.remark(f"“{cell.column}” holds {_WRITTEN_OUT[whole]}; they were written out as text.")
        return str(value).lower()
    cell.problem(
        f"holds {kind(value)} ({str(value)[:40]}) where text is needed.", remedy="Write it as text, in quotes."
    )
    return None
