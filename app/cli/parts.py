"""Commands that run the studio's parts and maintain an installation."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from app.cli import output
from app.cli.output import Json
from templates.errors import BadInput, Problem, StudioError, refuse

Host = Annotated[str | None, typer.Option(help="Address to listen on; default: STUDIO_HOST.")]
Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Port; default STUDIO_PORT.")]
database = typer.Typer(help="The database.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (up, web, worker, serve, doctor, bench):
        app.command(command.__name__)(command)
    app.add_typer(database, name="db")


def up(host: Host = None, port: Port = None, as_json: Json = False) -> None:
    """Run web, worker and chat server on the embedded defaults, and keep them running."""
    from app import auth, supervise
    from app.cli import acting
    from storage.settings import settings

    acting.user()
    bound = host or settings().host
    auth.check_bind(bound)
    supervise.up(bound, port or settings().port)
    output.emit({"stopped": True}, [], as_json)


def web(host: Host = None, port: Port = None, as_json: Json = False) -> None:
    """Run the web process alone."""
    gc.disable()  # imports free no memory, and collecting garbage would double their time; `serve` turns it on again
    from app import supervise
    from app.main import serve
    from storage.settings import settings

    bound, number = host or settings().host, port or settings().port
    supervise.check_port(bound, number, f"Choose another: studio web --port {number + 10}.")
    serve(bound, number)
    output.emit({"stopped": True}, [], as_json)


def worker(as_json: Json = False) -> None:
    """Run a worker alone; on another machine it joins by pointing at the same database, broker and files."""
    from storage import programs

    _become(programs.WORKER, as_json)


def serve(as_json: Json = False) -> None:
    """Run the chat server alone."""
    from storage import programs

    _become(programs.CHAT, as_json)


def _become(command: Sequence[str], as_json: bool) -> None:
    from app.cli import acting

    acting.user()
    output.emit({"running": list(command)}, [], as_json)
    sys.stdout.flush()
    os.execv(command[0], list(command))


def doctor(as_json: Json = False) -> None:
    """Check this installation, and suggest fixes."""
    from app import doctor as surgery

    findings = surgery.examine()
    signs = {True: "ok  ", False: "note"}
    lines = [
        f"{'BAD ' if f.bad else signs[f.ok]} {f.about}: {f.found}{'' if f.ok else f' {f.remedy}'}" for f in findings
    ]
    healthy = not any(finding.bad for finding in findings)
    output.emit({"healthy": healthy, "findings": [f.as_dict() for f in findings]}, lines, as_json)
    if not healthy:
        raise typer.Exit(StudioError.exit_code)


WORKSHOP: Mapping[str, Sequence[str]] = {
    "family": ("only", "small", "nano", "seed", "share"),
    "distill": ("small", "nano", "seed", "share"),
    "keep": ("seeds", "share"),
    "preferences": ("only", "seeds", "share", "trait"),
}
"""What the workshop measures, and the options that each takes."""
GOES_WITH: Mapping[str, str] = {
    "only": "“family”, “methods” and “preferences”",
    **dict.fromkeys(("small", "nano", "seed"), "“family” and “distill”"),
    "seeds": "“keep” and “preferences”",
    "share": "“family”, “distill”, “keep” and “preferences”",
    "trait": "“preferences”",
}
AS_NAMED_THERE: Mapping[str, str] = {"family": "bench", "preferences": "prefer"}
"""Commands of the workshop that have another name there."""


def bench(
    what: Annotated[
        str, typer.Argument(metavar="web|jobs|data|all|train|methods|chat|family|distill|keep|preferences")
    ] = "all",
    rounds: Annotated[int, typer.Option(min=1, max=100)] = 5,
    rows: Annotated[
        int | None,
        typer.Option(min=8, help="data: rows per file, default 200,000; train: rows, default 256; methods: rows."),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(help="train, methods, chat: the base model; keep, preferences: a bundled name or a folder."),
    ] = None,
    dataset: Annotated[str | None, typer.Option("--data", help="train, methods and keep: the dataset.")] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="family, methods, preferences: only this one; may be repeated.")
    ] = None,
    small: Annotated[
        str | None, typer.Option(help="family, distill: base and teacher, a bundled name or a folder.")
    ] = None,
    nano: Annotated[str | None, typer.Option(help="family, distill: the student, a bundled name or a folder.")] = None,
    seed: Annotated[int | None, typer.Option(help="family, distill: the seed that the rows are drawn with.")] = None,
    seeds: Annotated[list[int] | None, typer.Option(help="keep, preferences: a seed; may be repeated.")] = None,
    share: Annotated[
        float | None,
        typer.Option(help="family, distill, keep, preferences: share of the rows; less than 1 for a quick look."),
    ] = None,
    trait: Annotated[str | None, typer.Option(help="preferences: polite, or shorter.")] = None,
    as_json: Json = False,
) -> None:
    """Measure this installation: web process, first step, large files, training, chat; or demonstrate adaptation."""
    from app import bench as benches
    from app.bench import data
    from app.cli import workshop

    _refuse_misplaced(what, rows, base, dataset)
    if what == "train":
        _bench_training(base or "", dataset or "", rounds, rows, as_json)
        return
    if what == "methods":
        _bench_methods(base, dataset or "", only or (), rows, as_json)
        return
    if what == "chat":
        _bench_chat(base, rounds, as_json)
        return
    options: dict[str, Any] = {"only": only, "small": small, "nano": nano, "seed": seed, "seeds": seeds}
    options |= {"share": share, "trait": trait}
    taken = {name: options.pop(name) for name in WORKSHOP.get(what, ())}
    given = [name for name, value in options.items() if value is not None]
    refuse([Problem(f"goes with {GOES_WITH[name]} only.", field=f"--{name}") for name in given])
    if what in WORKSHOP:
        on = {"keep": {"base": base, "data": dataset}, "preferences": {"base": base}}.get(what, {})
        workshop.run(AS_NAMED_THERE.get(what, what), (), {**on, **taken}, as_json)
        return
    document = benches.run(what, rounds, rows or data.N_ROWS)
    output.emit(document, benches.sentences(document), as_json)


def _refuse_misplaced(what: str, rows: int | None, base: str | None, dataset: str | None) -> None:
    if what not in (
        "web",
        "jobs",
        "data",
        "all",
        "train",
        "methods",
        "chat",
        "family",
        "distill",
        "keep",
        "preferences",
    ):
        remedy = "Choose web, jobs, data, all, train, methods, chat, family, distill, keep or preferences."
        raise BadInput(Problem(f"“{what}” can't be measured.", remedy=remedy))
    problems = []
    if rows is not None and what not in ("data", "all", "train", "methods"):
        problems.append(Problem("goes with “data”, “train” and “methods” only.", field="--rows"))
    for name, value in (("--base", base), ("--data", dataset)):
        takers = ["train", "methods", "keep", *(("chat", "preferences") if name == "--base" else ())]
        if value is None and (what == "train" or (what == "methods" and name == "--data")):
            problems.append(Problem("is needed to measure training.", field=name))
        if value is not None and what not in takers:
            *others, last = (f"“{one}”" for one in takers)
            problems.append(Problem(f"goes with {', '.join(others)} and {last} only.", field=name))
    refuse(problems)


def _bench_training(base: str, dataset: str, rounds: int, rows: int | None, as_json: bool) -> None:
    from app.bench import training
    from app.cli import acting

    found = training.measure(acting.user(), base, dataset, rounds, rows or training.N_ROWS)
    output.emit(found, training.sentences(found), as_json)


def _bench_methods(base: str | None, dataset: str, only: Sequence[str], rows: int | None, as_json: bool) -> None:
    from app.bench import methods
    from app.cli import acting

    found = methods.measure(acting.user(), base or methods.BASE, dataset, only, rows or methods.N_ROWS)
    output.emit(found, methods.sentences(found), as_json)


def _bench_chat(base: str | None, rounds: int, as_json: bool) -> None:
    from app.bench import chat
    from app.cli import acting

    found = chat.measure(acting.user(), base or chat.BASE, rounds)
    output.emit(found, chat.sentences(found), as_json)


@database.command("upgrade")
def upgrade(as_json: Json = False) -> None:
    """Upgrade the database to this version's schema."""
    from storage import migrate

    before = migrate.current()
    migrate.upgrade()
    after = migrate.current()
    line = (
        f"The schema is {after}." if before == after else f"Upgraded the schema from {before or 'nothing'} to {after}."
    )
    output.emit({"before": before, "after": after}, [line], as_json)
