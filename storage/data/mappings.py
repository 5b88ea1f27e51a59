"""Which column fills which field, and why: as guessed, as chosen now, or as for an earlier file of the same columns.

Nothing is kept for this but the datasets themselves: each has its shape, its mapping and a hash of its
file's columns. With the datasets goes what is remembered.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
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
N_LOOKED_AT = 20
"""Earlier datasets of the same columns that are tried, the newest first."""
NONE = "no columns"
FROM_ANSWERS = "No matching column found: the prompt is read from the answers, which must then begin with it."


@dataclass(frozen=True)
class Remembered:
    """What was chosen for an earlier file that had the same columns."""

    dataset: str
    """The name of what was made of that file."""
    made_at: float
    shape: str
    mapping: dict[str, str]

    @property
    def place(self) -> str:
        """Where it was chosen: “tickets” on 2026-10-01."""
        return f"“{self.dataset}” on {time.strftime('%Y-%m-%d', time.localtime(self.made_at))}"

    @property
    def whole(self) -> dict[str, str]:
        """Every field of the shape; those left open have an empty column."""
        return {wanted.name: self.mapping.get(wanted.name, "") for wanted in registry.shape(self.shape).fields}

    def is_the(self, shape: str, mapping: Mapping[str, str]) -> bool:
        """Whether these are the same choices."""
        return self.shape == shape and self.mapping == {field: column for field, column in mapping.items() if column}

    def says(self, guess: Guess) -> str:
        """What is said aloud where this was taken in place of another guess."""
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
    """The same one by one."""
    came_from: CameFrom | None
    """None for a field that is left open."""
    reason: str
    samples: list[str]
    """The first different values, shortened; of joined columns each with its column's name."""


@dataclass(frozen=True)
class Choice:
    """A shape and a mapping for a file, with the reasons."""

    came_from: CameFrom
    reason: str
    """Why this shape."""
    remembered: Remembered | None
    """What could be taken over from an earlier file, whether it was or not."""
    guess: Guess
    """What a guess would be if nothing were chosen or remembered."""
    is_guess: bool
    """Whether that is the same."""
    fields: list[FieldChoice]
    unused: list[str]
    """Columns of the file that fill no field."""


def said(shape: str, mapping: Mapping[str, str]) -> str:
    """A choice in words: `prompt_completion, prompt ← question, completion ← answer`."""
    return ", ".join(
        [shape, *(f"{field} ← {column}" for field, column in mapping.items())] if mapping else [shape, NONE]
    )


def header(look: Look) -> str:
    """The same for all files with the same column names, in whatever order and format."""
    names = sorted(column.name for column in look.columns)
    return hashlib.sha256(json.dumps(names, ensure_ascii=True).encode()).hexdigest()


def recall(user: User, look: Look) -> Remembered | None:
    """The latest choice of `user` for a file of these columns that can still be made; deleted datasets don't count."""
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
    """Why these choices; `given` are those that the caller made."""
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
        reason += " Choose one." if wanted.required and not column else ""
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
