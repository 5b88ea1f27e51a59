"""The column for each field, and why: guessed, chosen now, or taken from an earlier file with the same columns.

Only the datasets themselves are stored for this: each has its shape, its mapping and a hash of its file's
columns. Deleting the datasets deletes this memory.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlmodel import select

from storage import db
from storage.data import intake
from storage.data.intake import Column, Guess, Look
from storage.models import Dataset, User
from templates import registry
from templates.spec import RowShape, ShapeField

CameFrom = Literal["guess", "remembered", "given"]
Chosen = str | Sequence[str]
"""A caller's choice for a field: a column, several joined by “+”, or a list of columns."""
N_LOOKED_AT = 20
"""Number of earlier datasets with the same columns to try, the newest first."""
NONE = "no columns"
FROM_ANSWERS = "No matching column found: the prompt is read from the answers, which must then start with it."


@dataclass(frozen=True)
class Remembered:
    """The choices for an earlier file with the same columns."""

    dataset: str
    """The name of the dataset made from that file."""
    made_at: float
    shape: str
    mapping: dict[str, str]

    @property
    def place(self) -> str:
        """The place of the choice: “tickets” on 2026-10-01."""
        return f"“{self.dataset}” on {time.strftime('%Y-%m-%d', time.localtime(self.made_at))}"

    @property
    def whole(self) -> dict[str, str]:
        """Every field of the shape; open fields have an empty column."""
        return {wanted.name: self.mapping.get(wanted.name, "") for wanted in registry.shape(self.shape).fields}

    def is_the(self, shape: str, mapping: Mapping[str, str]) -> bool:
        """Whether these are the same choices."""
        return self.shape == shape and self.mapping == {field: column for field, column in mapping.items() if column}

    def says(self, guess: Guess) -> str:
        """The remark when these choices replaced a different guess."""
        taken, guessed = said(self.shape, self.mapping), said(guess.shape, guess.mapping)
        return f"As for {self.place}: {taken}, because the file has the same columns. The guess is: {guessed}."


@dataclass(frozen=True)
class FieldChoice:
    """One field of the row shape, and the column that fills it."""

    field: str
    title: str
    required: bool
    column: str | None
    """One column, or several joined by “ + ”."""
    columns: list[str]
    """The same columns as a list."""
    came_from: CameFrom | None
    """None for an open field."""
    reason: str
    samples: list[str]
    """The first different values, shortened; for joined columns, each with its column's name."""


@dataclass(frozen=True)
class Choice:
    """A shape and a mapping for a file, with reasons."""

    came_from: CameFrom
    reason: str
    """The reason for this shape."""
    remembered: Remembered | None
    """The choices on offer from an earlier file, whether they are used or not."""
    guess: Guess
    """The guess without any chosen or remembered mapping."""
    is_guess: bool
    """Whether the remembered choices are in use."""
    fields: list[FieldChoice]
    unused: list[str]
    """Columns of the file that fill no field."""
    questions: list[str]
    """One sentence for each of them that looks like an answer or a label."""


def said(shape: str, mapping: Mapping[str, str]) -> str:
    """A choice as text: `prompt_completion, prompt ← question, completion ← answer`."""
    return ", ".join(
        [shape, *(f"{field} ← {column}" for field, column in mapping.items())] if mapping else [shape, NONE]
    )


def header(look: Look) -> str:
    """A hash that is equal for all files with the same column names, in any order and format."""
    names = sorted(column.name for column in look.columns)
    return hashlib.sha256(json.dumps(names, ensure_ascii=True).encode()).hexdigest()


def recall(user: User, look: Look) -> Remembered | None:
    """The latest choice of `user` for a file with these columns that still works; ignores deleted datasets."""
    with db.reading() as session:
        mine = select(Dataset).where(Dataset.owner_id == user.id, Dataset.deleted_at == None)  # noqa: E711
        same = mine.where(Dataset.header == header(look))
        newest_first = same.order_by(Dataset.created_at.desc(), Dataset.id)  # type: ignore[attr-defined]
        found = list(session.exec(newest_first.limit(N_LOOKED_AT)))
    row = next((row for row in found if _fits(look, row)), None)
    return Remembered(row.name, row.created_at, row.shape, dict(row.mapping)) if row else None


def _fits(look: Look, row: Dataset) -> bool:
    shape = registry.shapes().get(row.shape)
    if shape is None or intake.check_mapping(look, shape, row.mapping):
        return False
    return all(_holds(look, wanted, row.mapping[wanted.name]) for wanted in shape.fields if wanted.name in row.mapping)


def _holds(look: Look, wanted: ShapeField, choice: str) -> bool:
    """Whether the chosen columns hold, in this file too, what the field takes."""
    able = intake.KINDS[wanted.kind]
    kinds = [column.kind for column in look.columns if column.name in _columns(look, choice)]
    return all(kind in able or kind == "empty" for kind in kinds) and (not wanted.required or set(kinds) != {"empty"})


def _columns(look: Look, choice: str) -> list[str]:
    return intake.columns_of(choice, [column.name for column in look.columns])


def explain(
    look: Look,
    shape: RowShape,
    mapping: Mapping[str, str],
    *,
    came_from: CameFrom,
    given: Mapping[str, str],
    remembered: Remembered | None,
) -> Choice:
    """The reasons for these choices; `given` are the caller's own."""
    guess = intake.guess(look)
    guessed = guess if guess.shape == shape.key else intake.guess(look, shape.key)
    recalled = remembered if came_from == "remembered" else None
    fields = [_of_field(look, wanted, mapping, guessed, recalled, given) for wanted in shape.fields]
    used = {name for one in fields for name in one.columns}
    return Choice(
        came_from=came_from,
        reason=_why_shape(mapping, guess, guessed, recalled),
        remembered=remembered,
        guess=guess,
        is_guess=(shape.key, dict(mapping)) == (guess.shape, guess.mapping),
        fields=fields,
        unused=[column.name for column in look.columns if column.name not in used],
        questions=intake.questions(look, mapping),
    )


def _why_shape(mapping: Mapping[str, str], guess: Guess, guessed: Guess, recalled: Remembered | None) -> str:
    if recalled and not recalled.is_the(guess.shape, guess.mapping):
        return f"As for {recalled.place}, because the file has the same columns."
    return guessed.shape_reason if guessed.mapping == mapping else "Your choice."


def _of_field(
    look: Look,
    wanted: ShapeField,
    mapping: Mapping[str, str],
    guessed: Guess,
    recalled: Remembered | None,
    given: Mapping[str, str],
) -> FieldChoice:
    column, guess = mapping.get(wanted.name), guessed.mapping.get(wanted.name)
    came_from: CameFrom = "remembered" if recalled else "given" if wanted.name in given else "guess"
    if column == guess:
        reason = guessed.reasons.get(
            wanted.name,
            FROM_ANSWERS if wanted.kind == "prompt" and not wanted.required else "No matching column found.",
        )
        asked = guessed.open.get(wanted.name)
        reason = asked or reason + (" Choose one." if wanted.required and not column else "")
    else:
        reason = f"As for {recalled.place}." if recalled else "Left open." if column is None else "Your choice."
        reason += f" The guess is “{guess}”." if guess else ""
    columns = [found for part in _columns(look, column or "") if (found := look.column(part))]
    return FieldChoice(
        field=wanted.name,
        title=wanted.title,
        required=wanted.required,
        column=column,
        columns=[found.name for found in columns],
        came_from=came_from if column else None,
        reason=reason,
        samples=_samples(columns),
    )


def _samples(columns: list[Column]) -> list[str]:
    if len(columns) == 1:
        return columns[0].samples
    return [f"{column.name}: {sample}" for column in columns for sample in column.samples[:1]]
