"""`studio replay`: a model writes rows that later trainings replay."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli import output
from app.cli.output import Json
from app.cli.train import Key, Wait, value_of
from templates.errors import Problem, refuse
from templates.jobs.self_replay import SelfReplayParams


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("replay")(replay)


def replay(
    model: Annotated[str | None, typer.Option(help="The base model, or a result to go on from.")] = None,
    name: Annotated[str | None, typer.Option(help="The name of the job and of the new dataset.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help=f"{', '.join(SelfReplayParams.model_fields)}."),
    ] = None,
    idempotency_key: Key = None,
    wait: Wait = False,
    as_json: Json = False,
) -> None:
    """Let a model write prompts and answer them: rows for `train --replay NAME`, so that it keeps what it knew."""
    from app.cli import acting, waiting
    from storage.planning import self_replays

    refuse([Problem("is missing.", field=f) for f, given in {"--model": model, "--name": name}.items() if not given])
    user = acting.user()
    given = {key: value_of(text) for key, text in output.pairs(settings or [], "--set").items()}
    job = self_replays.submit(user, model=str(model), name=str(name), settings=given, idem_key=idempotency_key)
    output.note(f"job {job.id}")
    waiting.report(user, job, wait, as_json)
