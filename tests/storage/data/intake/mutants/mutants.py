"""Files that were changed by a program, each known by its group and number: the same every time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random

from storage.data.intake.formats import SUFFIXES
from tests.storage.data.intake.mutants import byte_edits, json_edits, package_edits, seeds, table_edits
from tests.storage.data.intake.mutants.byte_edits import Edit

REAL = "real files"
"""The group of mutants of files that others made; every other group is a reader's."""
STRUCTURAL: dict[str, Edit] = {
    "delimited": table_edits.changed_cell,
    "json_lines": json_edits.changed_line,
    "json_list": json_edits.changed_whole,
    "parquet": table_edits.changed_columns,
    "word": package_edits.changed_part,
    "workbook": package_edits.changed_part,
    "several": package_edits.changed_part,
}
"""By format, the changes that know it."""
STRUCTURAL_SHARE = {"word": 0.75, "workbook": 0.75, "several": 0.75, "parquet": 0.4}
"""A zip knows the sums of its parts, so that changed bytes of it seldom come to be read."""
BINARY = ("parquet", "pdf", "word", "workbook", "several")
SPLICE_SHARE = 0.06
OTHER_NAME_SHARE = 0.04
NAMES = ("data", "data.csv", "data.jsonl", "data.json", "data.txt", "data.md", "data.html", "data.xlsx", "ä \n.csv")


@dataclass(frozen=True)
class Mutant:
    """A file to be read, and how it came about."""

    filename: str
    data: bytes
    seed: str
    original: bytes
    edits: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.seed} as {self.filename!r}, {len(self.data):,} bytes: {', '.join(self.edits) or 'unchanged'}"


def mutant(group: str, number: int) -> Mutant:
    """The mutant of this number; number 0 and on are first the group's files as they are."""
    files = seeds.real() if group == REAL else seeds.made(group)
    if number < len(files):
        name = list(files)[number]
        return Mutant(name, files[name], name, files[name], ())
    draw = Random(f"{group} {number}")
    name = draw.choice(list(files))
    data, edits = _changed(files[name], SUFFIXES[Path(name).suffix], draw)
    if draw.random() < SPLICE_SHARE:
        data = byte_edits.spliced(data, draw.choice(_others(group)), draw)
        edits.append("spliced")
    filename = draw.choice(NAMES) if draw.random() < OTHER_NAME_SHARE else name
    return Mutant(filename, data, name, files[name], tuple(edits))


def _others(group: str) -> list[bytes]:
    names = [group] if group != REAL else ["json_lines"]
    return [content for other in (*names, "delimited", "html") for content in seeds.made(other).values()]


def _changed(data: bytes, format: str, draw: Random) -> tuple[bytes, list[str]]:
    edits: list[str] = []
    structural = STRUCTURAL.get(format)
    if structural and draw.random() < STRUCTURAL_SHARE.get(format, 0.5):
        data = structural(data, draw)
        edits.append(structural.__name__)
    known = byte_edits.ANYWHERE if format in BINARY else byte_edits.IN_TEXT
    for _ in range(draw.choice((0, 0, 0, 1)) if edits else draw.choice((1, 1, 1, 2, 4))):
        edit = draw.choice(known)
        data = edit(data, draw)
        edits.append(edit.__name__)
    return data, edits
