"""`studio data`: datasets."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import output
from app.cli.output import Json
from templates.errors import BadInput, Problem, refuse

if TYPE_CHECKING:
    from storage.data.rows.words import Words
    from storage.models import Upload, User

N_SHOWN = 3
COLUMNS = ("name", "shape", "n_rows", "n_held_out", "held_out_openings", "source_filename", "sha256")
SAMPLE_COLUMNS = ("name", "shape", "n_rows", "shows")
group = typer.Typer(help="Datasets.", no_args_is_help=True)
Against = Annotated[
    str | None, typer.Option(metavar="DATASET", help="Evaluation set whose rows must not be trained on.")
]
WordFile = Annotated[
    Path | None,
    typer.Option("--words", metavar="FILE", help="Words to look for, one a line; lines that begin with # are not."),
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="data")


@group.command("add")
def add(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE...",
            help="CSV, TSV, Excel, JSON, JSONL, Parquet, PDF, Word, HTML, Markdown, text, or a zip of them. "
            "Several become one dataset.",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="The dataset's name; with --sample, that of the sample.")] = None,
    sample: Annotated[
        str | None, typer.Option(help="Sample data in place of a file: see `studio data samples`.")
    ] = None,
    shape: Annotated[str | None, typer.Option(help="Row shape; guessed when left out.")] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="FIELD=COLUMN",
            help="Without it and --shape: as for your last file of the same columns, and that is said; else guessed.",
        ),
    ] = None,
    guess_anew: Annotated[
        bool, typer.Option("--guess-anew", help="Guess, whatever was chosen for an earlier file.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the split into training and held-out rows.")] = 42,
    held_out_share: Annotated[
        float, typer.Option(help="Share of the rows that is set aside; of 200 rows or more, at least 50 are.")
    ] = 0.10,
    held_out_file: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of several files, the one whose rows are held out, in place of a share."),
    ] = None,
    leave_out_refused: Annotated[
        bool, typer.Option("--leave-out-refused", help="Leave out rows that can't be learned from, and say which.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check a file of rows and keep it as a dataset, with held-out rows set aside."""
    name = _name(files, sample, name)
    from storage.data.intake import reader_process

    reader_process.start()  # gets ready while all else is imported
    from app.api import documents
    from app.cli import acting
    from storage.data import datasets, uploads
    from storage.data.splits import Split
    from templates import registry

    columns = output.pairs(mapping or (), "--map") or None
    user = acting.user()
    upload = _upload(user, files, sample)
    try:
        with output.progress():
            row = datasets.add(
                user,
                upload,
                name=name,
                shape=shape,
                mapping=columns,
                split=Split(seed, held_out_share, held_out_file),
                leave_out_refused=leave_out_refused,
                guess_anew=guess_anew,
            )
    except BaseException:  # an interruption too: the next try sends the file again
        uploads.discard(user, upload)
        raise
    taken = ", ".join(f"{field} ← {column}" for field, column in row.mapping.items())
    lines = [f"{row.name}: {row.n_rows:,} rows of shape {row.shape} ({taken}), {row.n_held_out:,} of them held out."]
    lines += [f"Note: {remark['message']}" for remark in row.remarks]
    if not registry.objectives_for(row.shape):
        lines.append(f"Note: no objective learns from {row.shape} yet; you can check, clean and export the rows.")
    output.emit(documents.of_dataset(row), lines, as_json)


def _name(files: list[Path] | None, sample: str | None, name: str | None) -> str:
    """What the dataset is to be called. Raises `BadInput` unless there is one source and a name."""
    if bool(files) == (sample is not None):
        raise BadInput(
            Problem("give one of them.", field="FILE or --sample", remedy="`studio data samples` lists the samples.")
        )
    found = name if name is not None else sample
    if found is None:
        raise BadInput(Problem("is missing.", field="--name", remedy="Say how the dataset is to be called."))
    return found


def _upload(user: User, files: list[Path] | None, sample: str | None) -> Upload:
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


@group.command("samples")
def list_samples(as_json: Json = False) -> None:
    """List the sample data that ships with the product, and what each set demonstrates."""
    from app import samples

    rows = samples.described()
    output.emit(rows, output.table(rows, SAMPLE_COLUMNS), as_json)


@group.command("list")
def list_all(as_json: Json = False) -> None:
    """List your datasets."""
    from app.api import documents
    from app.cli import acting
    from storage.data import datasets

    rows = documents.of_datasets(datasets.of_user(acting.user()))
    output.emit(rows, output.table([{**row, "sha256": row["sha256"][:12]} for row in rows], COLUMNS), as_json)


@group.command("show")
def show(name: str, as_json: Json = False) -> None:
    """Show one dataset and its first rows."""
    from app.api import documents
    from app.cli import acting
    from storage.data import datasets

    row = datasets.get(acting.user(), name)
    document = {**documents.of_dataset(row), "first_rows": datasets.rows(row)[:N_SHOWN]}
    output.emit(document, output.facts(document), as_json)


@group.command("check")
def check(
    name: str,
    base: Annotated[
        str | None, typer.Option(help="Base model in whose tokens lengths are counted; without it they are not.")
    ] = None,
    against: Against = None,
    words: WordFile = None,
    as_json: Json = False,
) -> None:
    """Say what in a dataset's rows would harm a training or make its score untrue; changes nothing."""
    from app.api import documents
    from app.cli import acting
    from storage.data.health import report, table

    with output.progress():
        found = report.of_dataset(acting.user(), name, base=base, against=against, words=_listed(words))
    output.emit(documents.of_health(found), table.lines(found), as_json)


@group.command("fix")
def fix(
    name: str,
    fixes: Annotated[list[str], typer.Option("--fix", metavar="CHECK", help="What to mend; more than once for more.")],
    to: Annotated[str | None, typer.Option(help="Name of the new version; the next number when left out.")] = None,
    base: Annotated[str | None, typer.Option(help="Base model in whose tokens lengths are counted.")] = None,
    against: Against = None,
    words: WordFile = None,
    as_json: Json = False,
) -> None:
    """Mend what `studio data check` finds, into a new version; NAME stays as it is."""
    from app.api import documents
    from app.cli import acting
    from storage.data.health import fixing
    from storage.data.rows.words import shown

    with output.progress():
        made = fixing.fix(acting.user(), name, fixes, base=base, against=against, words=_listed(words), name=to)
    lines = [f"{made.name}: {made.n_rows:,} rows, {made.n_held_out:,} of them held out."]
    lines += [f"{one['title']}: {one['n_dropped']:,} dropped, {one['n_changed']:,} changed." for one in made.fixes]
    lines += [f"Dropped for {shown(one['words'])}." for one in made.fixes if "words" in one]
    output.emit(documents.of_dataset(made), lines, as_json)


def _listed(file: Path | None) -> Words | None:
    from storage.data.rows.words import of_file

    return of_file(file) if file else None


@group.command("diff")
def diff(older: str, newer: str, as_json: Json = False) -> None:
    """Say what is different between two versions."""
    from app.api import documents
    from app.cli import acting
    from storage.data import versions

    document = documents.of_difference(versions.difference(acting.user(), older, newer), N_SHOWN)
    output.emit(document, output.facts(document), as_json)


@group.command("export")
def export(
    name: str,
    to: Annotated[Path, typer.Option(help="The file: its ending says whether .jsonl, .csv or .parquet.")],
    as_json: Json = False,
) -> None:
    """Write all rows of a dataset into a file."""
    from app.cli import acting
    from storage.data import datasets, row_export

    row = datasets.get(acting.user(), name)
    row_export.write(row, to)
    output.emit({"file": str(to), "n_rows": row.n_rows}, [f"{to}: {row.n_rows:,} rows."], as_json)


@group.command("delete")
def delete(name: str, as_json: Json = False) -> None:
    """Delete a dataset; what was trained on it stays."""
    from app.cli import acting
    from storage.data import datasets

    datasets.delete(acting.user(), name)
    output.emit({"deleted": name}, [f"Deleted {name}."], as_json)
