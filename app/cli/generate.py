"""`studio generate`: a model answers prompts, and the rows become a dataset."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli import output
from app.cli.output import Json
from app.cli.train import Key, Wait, value_of
from templates.errors import Problem, refuse
from templates.service import ServiceParams


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("generate")(generate)


def generate(
    model: Annotated[str | None, typer.Option(help="A base model or artifact.")] = None,
    data: Annotated[str | None, typer.Option(help="The dataset whose prompts are answered.")] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Instead of a model: a service that speaks OpenAI's protocol. `studio endpoints`"
        ),
    ] = None,
    endpoint_model: Annotated[str | None, typer.Option(metavar="NAME", help="The name of its model.")] = None,
    name: Annotated[str | None, typer.Option(help="The name of the job and of the new dataset.")] = None,
    instruction: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="The system text for prompts without their own; by default the dataset's, or else the model's.",
        ),
    ] = None,
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter", metavar="FILTER", help="Answers to drop; may be repeated. `studio data filters` lists all."
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="max_new_tokens, temperature, top_p, seed, num_return_sequences; the filters' own settings; and for "
            f"a service: {', '.join(ServiceParams.model_fields)}.",
        ),
    ] = None,
    idempotency_key: Key = None,
    wait: Wait = False,
    as_json: Json = False,
) -> None:
    """Let a model answer the prompts of a dataset; prompts and answers become a new dataset."""
    from app.cli import acting, waiting
    from storage.planning import generations

    needed = {"--model or --endpoint": model or endpoint, "--data": data, "--name": name}
    refuse([Problem("is missing.", field=option) for option, value in needed.items() if not value])
    user = acting.user()
    given = {key: value_of(text) for key, text in output.pairs(settings or [], "--set").items()}
    job = generations.submit(
        user,
        model=model,
        endpoint=endpoint,
        endpoint_model=endpoint_model,
        dataset=str(data),
        name=str(name),
        instruction=instruction,
        filters=filters or (),
        settings=given,
        idem_key=idempotency_key,
    )
    output.note(f"job {job.id}")
    waiting.report(user, job, wait, as_json)
