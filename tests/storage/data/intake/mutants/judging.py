"""Takes a mutant through the intake as a person's file goes, and says what is wrong with what comes of it."""

from __future__ import annotations

import json
import re
import string
import unicodedata
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from storage.data import drafts, intake, row_files
from storage.data.intake import Findings
from storage.data.intake.findings import visible
from storage.data.intake.looking import read
from storage.data.intake.shaping import JOINT_TEXT, columns_of
from templates.errors import BadInput, Problem
from tests.storage.data.intake.mutants.mutants import Mutant
from tests.storage.data.intake.mutants.second_readings import difference

MAX_PROBLEM_CHARS = 2_500
_OF_A_PROGRAM = re.compile(r"Traceback|<class|object at 0x|\b[A-Z]\w+(?:Error|Exception)\b")
_TEXT_SIGNS = "\n\t\u2028\u2029"


class Wrong(AssertionError):
    """What must not come of any file."""


def judge(mutant: Mutant, path: Path) -> str | None:
    """The format as which the mutant, at `path`, is read; None for a refused one. Raises `Wrong`."""
    try:
        look = intake.look(path, mutant.filename)
    except BadInput as error:
        for problem in error.problems:
            _check_wording(problem, mutant.filename, _inner_names(path))
        return None
    if look.n_unread:
        _check_unread(mutant, look, path)
        return None
    _check_rows(mutant, look)
    draft = drafts.check(look, shape=None, mapping=None)
    for problem in draft.findings.listed():
        _check_wording(problem, mutant.filename, [file.name for file in look.files])
    for remark in draft.remarks:
        _check_sentence(remark.message)
    if not intake.check_mapping(look, draft.shape, draft.mapping):
        _check_shaped(draft)
    return look.source.format


def _check_unread(mutant: Mutant, look: intake.Look, path: Path) -> None:
    """Rows that can't be read are named, in every reading the same ones; the file is refused for them."""
    found = []
    for _ in range(2):
        findings = look.source.findings()
        n_rows = sum(1 for _ in read(look.source, findings))
        found.append((n_rows, findings.n_problems, findings.listed()))
    if found[0] != found[1] or found[0][:2] != (look.n_rows, look.n_unread):
        raise Wrong(f"readings differ: {look.n_rows} rows and {look.n_unread} problems, then {found}")
    for problem in found[0][2]:
        _check_wording(problem, mutant.filename, _inner_names(path))
    draft = drafts.check(look, shape=None, mapping=None)
    if not draft.findings.problems:
        raise Wrong("rows that can't be read were left out silently")


def _check_rows(mutant: Mutant, look: intake.Look) -> None:
    findings = Findings(mutant.filename)
    source = replace(look.source, layout=None)
    rows = list(read(source, findings))
    if findings.problems:
        raise Wrong(f"a second reading has problems that the first had not: {findings.problems[0]}")
    if look.source.layout is None and len(rows) != look.n_rows:
        raise Wrong(f"a second reading has {len(rows)} rows, the first had {look.n_rows}")
    wrong = difference(mutant, source, rows)
    if wrong:
        raise Wrong(wrong)


def _check_shaped(draft: drafts.Draft) -> None:
    """Every text of the dataset is that of its row's columns."""
    names = [column.name for column in draft.look.columns]
    rows = {row.number: row.values for row in read(draft.look.source, Findings(""))}
    for made in (row for batch in draft.batches() for row in row_files.plain(batch)):
        number = made.pop("source_row")
        if draft.shape.judged:
            _check_judged(number, made, [rows[number].get(name) for name in names])
            continue
        for field, value in made.items():
            if value is None:
                continue
            given = [rows[number].get(column) for column in columns_of(draft.mapping[field], names)]
            expected = JOINT_TEXT.join(_written(one) for one in given if _written(one).strip())
            if isinstance(value, str) and value != expected:
                raise Wrong(f"row {number}, field {field} is {value[:200]!r}, made of {given!r:.200}")
            strings = set(_strings(given))
            for message in value if field == "messages" else ():
                said = [text for key in ("content", "reasoning_content") if (text := message.get(key))]
                if any(text not in strings and not set(text.split("\n")) <= _lines(strings) for text in said):
                    raise Wrong(f"row {number} has the message {message!r:.200}, made of {given!r:.400}")


def _check_judged(number: int, made: dict[str, Any], given: list[Any]) -> None:
    """Every text stands in some cell of its row: as it is, as JSON text, or as a turn."""
    cells = "\n\n".join([*_strings(given), *map(_written, given)])
    for text in _strings([made.get("chosen"), made.get("rejected"), made.get("completion")]):
        _find(number, text, cells)
    for turn in made["prompt"]:
        for text in _strings(turn.get("content")):
            _find(number, text, cells)


def _find(number: int, text: str, cells: str) -> None:
    if not any(form in cells for form in (text, json.dumps(text, ensure_ascii=False)[1:-1])):
        parts = [part for part in text.split("\n") if part not in cells]
        if parts:
            raise Wrong(f"row {number} has the text {text!r:.200}, which is in none of its cells: {cells!r:.400}")


def _written(value: Any) -> str:
    if isinstance(value, list) and len(value) == 1:  # of a label
        value = value[0]
    return value if isinstance(value, str) else "" if value is None else str(value).lower()


def _lines(texts: set[str]) -> set[str]:
    return {line for text in texts for line in text.split("\n")}


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def _inner_names(path: Path) -> list[str]:
    """The names of the files in a zip, as far as its list can be read."""
    try:
        with zipfile.ZipFile(path) as file:
            return [visible(name) for name in file.namelist()]
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        return []


def _check_wording(problem: Problem, filename: str, inner: Collection[str]) -> None:
    """It names the file, or one inside it, and goes on as a sentence; its remedy is one of its own."""
    if problem.file not in (filename, *inner):
        raise Wrong(f"the problem names the file {problem.file!r}: {problem}")
    if problem.message[:1] in string.ascii_uppercase and not problem.message.startswith(("NaN", "Infinity")):
        raise Wrong(f"the problem does not follow the file's name: {problem.message!r:.300}")
    _check_sentence(problem.message)
    if problem.remedy is not None:
        _check_sentence(problem.remedy)
        if not problem.remedy[0].isupper():
            raise Wrong(f"the remedy is no sentence: {problem.remedy!r:.300}")
    if len(str(problem)) > MAX_PROBLEM_CHARS:
        raise Wrong(f"the problem has {len(str(problem)):,} characters: {problem!s:.300}")
    _check_signs(str(problem).replace(filename, "").replace(problem.file, ""))


def _check_sentence(text: str) -> None:
    if not text.endswith((".", "!", "?", "…", "}", "]", "”")):
        raise Wrong(f"it does not end as a sentence: {text!r:.300}")
    if _OF_A_PROGRAM.search(text) or "()" in text:
        raise Wrong(f"it speaks of the program: {text!r:.300}")
    _check_signs(text)


def _check_signs(text: str) -> None:
    """Nothing that a page or a terminal can't show."""
    odd = {char for char in text if unicodedata.category(char) in ("Cc", "Cs") and char not in _TEXT_SIGNS}
    if odd:
        raise Wrong(f"it holds {sorted(odd)!r}: {text!r:.300}")
