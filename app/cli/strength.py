"""`studio strength`: what less strength keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from app.cli import output
from app.cli.output import Json
from app.cli.train import Key, Wait
from app.formats import minutes_range


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("strength")(strength)


def strength(
    name: Annotated[str, typer.Argument(help="A LoRA adapter in the gallery.")],
    idempotency_key: Key = None,
    wait: Wait = False,
    as_json: Json = False,
) -> None:
    """Score a LoRA adapter at five strengths, without training, and recommend one."""
    from app.cli import acting, waiting
    from storage.planning import strengths

    user = acting.user()
    job = strengths.submit(user, name, idem_key=idempotency_key)
    output.note(f"job {job.id}{_takes(job.estimate)}")
    waiting.report(user, job, wait, as_json)


def _takes(estimate: Mapping[str, Any] | None) -> str:
    """The estimate in words."""
    if not estimate:
        return "; how long it takes is not known"
    return f"; {minutes_range(estimate['seconds_low'] / 60, estimate['seconds_high'] / 60)}"
