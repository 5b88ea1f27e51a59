"""What `studio data add` is given: files or a sample, a name, and columns for fields."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli import output
from templates.errors import BadInput, Problem, StudioError, refuse
from templates.quantities import plural

if TYPE_CHECKING:
    from storage.models import Upload, User


def mapping(given: Sequence[str]) -> dict[str, str | list[str]]:
    """The `--map` options: field → column, or columns where a field is repeated. Raises `BadInput`."""
    found: dict[str, list[str]] = {}
    for option in given:
        for field, column in output.pairs([option], "--map").items():
            found.setdefault(field, []).append(column)
    return {field: columns[0] if len(columns) == 1 else columns for field, columns in found.items()}


def ways_out(
    user: User, upload: Upload, error: BadInput, shape: str | None, columns: dict[str, str | list[str]] | None
) -> list[Problem]:
    """The options that would take the file's other rows, where only some of them are refused."""
    from storage.data import datasets

    if all(problem.row is None for problem in error.problems):
        return []
    try:
        seen = datasets.preview(user, upload, shape=shape, mapping=columns)
    except StudioError:
        return []  # the file is gone, for it can't be read at all
    found = []
    if seen.goes_in_without_them:
        said = f"the other {plural(seen.n_rows, 'row')} can be used."
        found.append(Problem(said, remedy="Add --leave-out-refused to leave out the ones above."))
    if seen.n_unreadable:
        said = f"{plural(seen.n_unreadable, 'row')} can be kept with � in place of what is no text."
        found.append(Problem(said, remedy="Add --replace-unreadable."))
    return found


def name(files: list[Path] | None, sample: str | None, name: str | None) -> str:
    """The dataset's name. Raises `BadInput` unless there is exactly one source, and a name."""
    if bool(files) == (sample is not None):
        raise BadInput(
            Problem("give one of them.", field="FILE or --sample", remedy="`studio data samples` lists the samples.")
        )
    found = name if name is not None else sample
    if found is None:
        raise BadInput(Problem("is missing.", field="--name", remedy="Give the dataset a name."))
    return found


def upload(user: User, files: list[Path] | None, sample: str | None) -> Upload:
    """The files, or the sample, as an upload. Raises `BadInput`."""
    from app import samples
    from storage.data import uploads

    if not files:
        return samples.keep(user, str(sample))[1]
    problems, opened = [], []
    with ExitStack() as stack:
        for file in files:
            try:
                opened.append((file.name, stack.enter_context(file.open("rb"))))
            except OSError as error:
                problems.append(Problem(f"can't be read: {error.strerror}.", file=str(file)))
        refuse(problems)
        return uploads.save_all(user, opened)
