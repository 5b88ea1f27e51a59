"""Several files as one dataset: one of them can hold the held-out rows."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import numpy as np

from storage.data import splits
from storage.data.drafts import Draft
from storage.data.intake import Look
from templates.errors import BadInput, Problem

_TEST = re.compile(
    r"(?i)(?:^|[^a-z])(?:test|valid|validation|val|dev|eval|evaluation|held[-_ ]?out|holdout)(?:[^a-z]|$)"
)


def named_for_tests(look: Look) -> str | None:
    """The file whose name looks like a test set; None unless there is exactly one."""
    found = [file.name for file in look.files if _TEST.search(PurePosixPath(file.name).stem)]
    return found[0] if len(found) == 1 else None


def problems(look: Look, held_out_file: str | None) -> list[Problem]:
    """The problems with the choice of a held-out file."""
    names = [file.name for file in look.files]
    if held_out_file is None or held_out_file in names:
        return []
    if not names:
        return [
            Problem(
                "there is only one file.", field="held_out_file", remedy="Send it together with the file to train on."
            )
        ]
    shown = ", ".join(names[:20])
    return [Problem(f"no file is called “{held_out_file}”.", field="held_out_file", remedy=f"The files are: {shown}.")]


def remark(draft: Draft, held_out_file: str | None) -> None:
    """Note which file's rows are held out, or that a file's name suggests it but they are not."""
    named = named_for_tests(draft.look)
    if held_out_file:
        draft.findings.remark(f"The held-out rows come from “{held_out_file}”.")
    elif named:
        draft.findings.remark(
            f"“{named}” looks like a test set, but held-out rows were drawn from all files. "
            "To hold out exactly its rows, choose it as the held-out file."
        )


def documents(look: Look) -> list[tuple[int, int]]:
    """The first and last row number of each document, if the rows come from several; tables are no documents."""
    from storage.data.intake.readers import readers  # needed late: the formats' libraries are slow to load

    titles = {readers()[key].TITLE for key in ("html", "markdown", "pdf", "plain_text", "word")}
    if len(look.files) < 2 or any(file.format not in titles for file in look.files):
        return []
    return [(file.first, file.last) for file in look.files]


def rows_of(draft: Draft, held_out_file: str) -> splits.Sides:
    """A mask of the fitting rows from this file, `(rows,)`. Raises `BadInput` if all or none are."""
    file = next(file for file in draft.look.files if file.name == held_out_file)
    held_out = (draft.numbers >= file.first) & (draft.numbers <= file.last)
    if held_out.all() or not held_out.any():
        which = "none of its rows fits" if not held_out.any() else "no row of another file fits"
        raise BadInput(
            Problem(f"{which}, so there is nothing to {'measure' if not held_out.any() else 'learn'}.", held_out_file)
        )
    return np.asarray(held_out, np.bool_)
