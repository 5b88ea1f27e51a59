"""Reads the arguments of `studio data add`: files or a sample, a name, and columns for fields."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli import output
from templates.errors import BadInput, Problem, StudioError, refuse
from templates.quantities import plural

if TYPE_CHECKING:
    from storage.data.splits import Split
    from storage.models import Dataset, Upload, User


def mapping(given: Sequence[str]) -> dict[str, str | list[str]]:
    """The `--map` options: field → column, or columns where a field is repeated. Raises `BadInput`."""
    found: dict[str, list[str]] = {}
    for option in given:
        for field, column in output.pairs([option], "--map").items():
            found.setdefault(field, []).append(column)
    return {field: columns[0] if len(columns) == 1 else columns for field, columns in found.items()}


def with_ways_out(
    error: BadInput, user: User, upload: Upload, shape: str | None, columns: dict[str, str | list[str]] | None
) -> BadInput:
    """The error; if only some rows are refused, its last remedy names the options that keep the others."""
    from storage.data import datasets

    if type(error) is not BadInput or all(problem.row is None for problem in error.problems):
        return error
    try:
        seen = datasets.preview(user, upload, shape=shape, mapping=columns)
    except StudioError:
        return error  # the file can't be read at all
    *others, last = error.problems
    ways = [last.remedy] if last.remedy else []
    if seen.goes_in_without_them:
        ways.append(f"To use the other {plural(seen.n_rows, 'row')}, add --leave-out-refused.")
    if seen.n_unreadable:
        ways.append(
            f"To keep {plural(seen.n_unreadable, 'row')} with � for broken characters, add --replace-unreadable."
        )
    return BadInput(*others, replace(last, remedy=" ".join(ways) or None), code=error.code)


@dataclass(frozen=True)
class Reading:
    """How the rows of an upload are read."""

    shape: str | None
    columns: dict[str, str | list[str]] | None
    leave_out_refused: bool
    replace_unreadable: bool
    guess_anew: bool

    def kept(self, user: User, upload: Upload, name: str, split: Split, instruction: str | None) -> Dataset:
        """The dataset that the upload becomes. What can't become one is discarded, so that the next try sends it anew.

        Raises `BadInput`, whose remedies name the options that would keep some of the rows.
        """
        from storage.data import datasets, uploads

        try:
            with output.progress():
                return datasets.add(
                    user,
                    upload,
                    name=name,
                    shape=self.shape,
                    mapping=self.columns,
                    split=split,
                    instruction=instruction,
                    leave_out_refused=self.leave_out_refused,
                    replace_unreadable=self.replace_unreadable,
                    guess_anew=self.guess_anew,
                )
        except BadInput as error:
            told = with_ways_out(error, user, upload, self.shape, self.columns)
            uploads.discard(user, upload)
            raise told from error
        except BaseException:  # also after an interruption: the next try sends the file again
            uploads.discard(user, upload)
            raise


def told(row: Dataset) -> list[str]:
    """What became of the file, in lines."""
    from templates import registry

    taken = ", ".join(f"{field} ← {column}" for field, column in row.mapping.items())
    lines = [f"{row.name}: {row.n_rows:,} rows of shape {row.shape} ({taken}), {row.n_held_out:,} of them held out."]
    lines += [f"Instruction: {row.instruction}"] if row.instruction else []
    lines += [f"Note: {remark['message']}" for remark in row.remarks]
    if not registry.objectives_for(row.shape):
        lines.append(f"Note: no objective learns from {row.shape} yet; you can check, clean and export the rows.")
    return lines


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


def keep_answers(
    artifact: str, files: list[Path] | None, sample: str | None, name: str | None, *, as_json: bool
) -> None:
    """Make a dataset of what a result learned from its teacher. Raises `BadInput` if another source is given too."""
    from app.api import documents
    from app.cli import acting
    from storage.data.answers import learned

    both = [Problem("give one of them.", field="FILE, --sample or --from-artifact")] if files or sample else []
    missing = [] if name else [Problem("is missing.", field="--name", remedy="Give the dataset a name.")]
    refuse([*both, *missing])
    row = learned.keep(acting.user(), artifact, name=str(name))
    lines = [f"{row.name}: {row.n_rows:,} rows of shape {row.shape}, {row.n_held_out:,} of them held out."]
    lines += [f"Note: {remark['count']:,} {remark['message']}" for remark in row.remarks]
    output.emit(documents.of_dataset(row), lines, as_json)


@dataclass(frozen=True)
class OnHub:
    """What to take of a dataset on the hub; None: the usual."""

    config: str | None = None
    split: str | None = None
    rows: int | None = None


def upload(user: User, files: list[Path] | None, sample: str | None, on_hub: OnHub = OnHub()) -> Upload:
    """The files, the sample or rows from the hub as an upload. Raises `BadInput`."""
    from app import samples
    from storage.data import hub_datasets, uploads

    if not files:
        return samples.keep(user, str(sample))[1]
    from_hub = [file for file in files if str(file).startswith(hub_datasets.PREFIX)]
    if from_hub and len(files) > 1:
        raise BadInput(Problem("a dataset on the hub can't be combined with other files.", field="FILE"))
    if from_hub:
        asked = str(files[0]).removeprefix(hub_datasets.PREFIX)
        taken = hub_datasets.take(user, asked, config=on_hub.config, split=on_hub.split, rows=on_hub.rows)
        output.note(taken.note)
        return taken.upload
    if on_hub != OnHub():
        what = "apply only to a dataset on the hub (hub:OWNER/NAME)."
        raise BadInput(Problem(what, field="--config, --split and --rows"))
    problems, opened = [], []
    with ExitStack() as stack:
        for file in files:
            try:
                opened.append((file.name, stack.enter_context(file.open("rb"))))
            except OSError as error:
                problems.append(Problem(f"can't be read: {error.strerror}.", file=str(file)))
        refuse(problems)
        return uploads.save_all(user, opened)
