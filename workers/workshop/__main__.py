"""`python -m workers.workshop COMMAND`: makes the bundled models and the sample data, and demonstrates adaptation.

Results go to stdout (with `--json`, as one document), progress to stderr. Exits 0 on success, 2 on bad input,
1 otherwise.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException
from typer.main import get_command

from templates.errors import BadInput, StudioError

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Share = Annotated[float, typer.Option(help="Share of the rows; less than 1 for a quick look.")]
Threads = Annotated[int | None, typer.Option(help="CPU threads; by default all cores.")]
app = typer.Typer(
    help="Make the bundled models and the sample data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command()
def build(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...")] = None,
    to: Annotated[Path, typer.Option(help="The folder that receives the models' folders.")] = Path("models"),
    documents: Annotated[int | None, typer.Option(help="Number of documents in the corpus.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the corpus.")] = None,
    as_json: Json = False,
) -> None:
    """Pretrain the bundled models from a seed."""
    from storage import migrate, users
    from storage.bases import base_models
    from workers.workshop.bundled import build as building

    chosen = names or building.DEFAULT
    building.check(chosen)
    migrate.upgrade()
    base_models.sync_bundled()
    corpus = {key: value for key, value in (("n_documents", documents), ("seed", seed)) if value is not None}
    making = building.Build(users.local(), note=_note, **corpus)
    folders = building.build(making, chosen, to)
    _emit(folders, (f"{name}: {folder}" for name, folder in folders.items()), as_json)


@app.command()
def bench(
    only: Annotated[list[str] | None, typer.Option(help="Run only this demonstration; may be repeated.")] = None,
    small: Annotated[str, typer.Option(help="Base and teacher: a bundled model's name, or a folder.")] = "studio-small",
    nano: Annotated[str, typer.Option(help="The student.")] = "studio-nano",
    seed: int = 0,
    share: Share = 1.0,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Run the demonstrations: every kind of adaptation on the bundled models, before and after."""
    from workers.workshop.bench import measure, table

    found = measure.measure(only or (), small=small, nano=nano, seed=seed, share=share, threads=_n_threads(threads))
    _emit(found, table.lines(found), as_json)


@app.command()
def distill(
    small: Annotated[
        str, typer.Option(help="The teacher's base: a bundled model's name, or a folder.")
    ] = "studio-small",
    nano: Annotated[str, typer.Option(help="The student.")] = "studio-nano",
    seed: int = 0,
    share: Share = 1.0,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Compare the ways to learn from a teacher with plain training on its answers, in quality and pace."""
    from workers.workshop.bench import distilled, measure

    found = measure.distilled(small=small, nano=nano, seed=seed, share=share, threads=_n_threads(threads))
    _emit(found, distilled.lines(found), as_json)


@app.command()
def keep(
    base: Annotated[str, typer.Option(help="A bundled model's name, or a folder.")] = "studio-small",
    data: Annotated[
        str | None, typer.Option(help="A dataset of texts with labels; by default customer intents.")
    ] = None,
    seeds: Annotated[list[int] | None, typer.Option(help="May be repeated; 0 by default.")] = None,
    share: Share = 1.0,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Compare the ways to keep what a base knew while it learns something else."""
    from workers.workshop.bench import keeping, measure

    chosen = list(dict.fromkeys(seeds or [0]))
    found = measure.kept(base=base, data=data, seeds=chosen, share=share, threads=_n_threads(threads))
    _emit(found, keeping.lines(found), as_json)


@app.command()
def prefer(
    base: Annotated[str, typer.Option(help="A bundled model's name, or a folder.")] = "studio-small",
    trait: Annotated[str, typer.Option(help="What the preferred answers have: polite, or shorter.")] = "polite",
    seeds: Annotated[list[int] | None, typer.Option(help="May be repeated; 0 by default.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Only this way; may be repeated.")] = None,
    share: Share = 1.0,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Compare the ways to learn from preferences with fine-tuning on the chosen answers."""
    from workers.workshop.bench import measure, preferring

    found = measure.preferred(
        only or (),
        base=base,
        trait=trait,
        seeds=list(dict.fromkeys(seeds or [0])),
        share=share,
        threads=_n_threads(threads),
    )
    _emit(found, preferring.lines(found), as_json)


@app.command()
def corpus(
    documents: Annotated[int, typer.Option(help="How many documents.")],
    to: Annotated[Path, typer.Option(help="The .jsonl file to write.")],
    seed: Annotated[int, typer.Option(help="Seed; each gives another corpus of the same world.")] = 0,
    as_json: Json = False,
) -> None:
    """Write a corpus for pretraining, one JSON row per document."""
    from workers.workshop.world import corpus as corpora

    characters = corpora.write(to, n_documents=documents, seed=seed)
    made = {"documents": documents, "characters": characters, "file": str(to)}
    _emit(made, [f"{documents} documents, {characters} characters in {to}"], as_json)


@app.command()
def suite(as_json: Json = False) -> None:
    """Regenerate the frozen general suite."""
    from templates.suites import general
    from workers.workshop.world import suite as suites

    n_items = suites.write()
    _emit({"items": n_items, "file": str(general.path())}, [f"{n_items} items in {general.path()}"], as_json)


@app.command()
def samples(as_json: Json = False) -> None:
    """Regenerate every file of `templates/demo/`."""
    from workers.workshop import samples as sample_data

    names = sample_data.write()
    _emit({"files": names}, names, as_json)


@app.command("methods")
def measure_methods(as_json: Json = False) -> None:
    """Try every method again on every precision, and store what works."""
    from workers.workshop import capabilities

    file = capabilities.write(_note)
    _emit({"file": str(file)}, [str(file)], as_json)


def _n_threads(wanted: int | None) -> int:
    return wanted or len(os.sched_getaffinity(0))


def _emit(document: Any, lines: Iterable[str], as_json: bool) -> None:
    if as_json:
        print(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        print("\n".join(lines))


def _note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = get_command(app).main(args=given, prog_name="python -m workers.workshop", standalone_mode=False)
    except TyperException as error:
        return _failed(BadInput(error.format_message(), code="usage"), "--json" in given)
    except StudioError as error:
        return _failed(error, "--json" in given)
    return code if isinstance(code, int) else 0


def _failed(error: StudioError, as_json: bool) -> int:
    if as_json:
        print(json.dumps(error.as_dict(), ensure_ascii=False, indent=2))
    else:
        for problem in error.problems:
            _note(f"studio: {problem}")
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
