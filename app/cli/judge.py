"""`studio judge`: a judge compares the answers of two models."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from app.cli import output
from app.cli.output import Json
from app.cli.train import Key, Wait, value_of
from templates.errors import Problem, refuse
from templates.jobs.judge import JudgeParams
from templates.service import ServiceParams

Models = Annotated[
    list[str] | None,
    typer.Option(help="A base model or artifact; give two: the second is judged against the first."),
]
HeldOut = Annotated[
    str | None, typer.Option(help="The dataset whose held-out prompts they answer; without one, your votes alone.")
]
Url = Annotated[
    str | None,
    typer.Option("--judge", metavar="URL", help="A service that speaks OpenAI's protocol. `studio endpoints`"),
]
ServiceModel = Annotated[str | None, typer.Option(metavar="NAME", help="The name of its model.")]
RewardModel = Annotated[
    str | None, typer.Option(metavar="NAME", help="A reward model of yours, to judge in place of a service.")
]
Criteria = Annotated[str | None, typer.Option(metavar="TEXT", help="What makes an answer better, for a service.")]
SystemText = Annotated[
    str | None, typer.Option(metavar="TEXT", help="The system text for both models; by default the dataset's.")
]
Name = Annotated[str | None, typer.Option(help="The name of the job.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help=f"{', '.join(JudgeParams.model_fields)}; for the service: {', '.join(ServiceParams.model_fields)}.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("judge")(judge)


def judge(
    model: Models = None,
    data: HeldOut = None,
    judge: Url = None,
    judge_model: ServiceModel = None,
    reward_model: RewardModel = None,
    criteria: Criteria = None,
    instruction: SystemText = None,
    name: Name = None,
    settings: Settings = None,
    idempotency_key: Key = None,
    wait: Wait = False,
    as_json: Json = False,
) -> None:
    """Let a judge compare two models' answers; your votes between them correct its win rate.

    A service sees each pair in both orders. A reward model scores each answer by itself.
    """
    from app.cli import acting, waiting
    from storage.judging import judgements

    needed: dict[str, Any] = {"--model": model}
    needed |= {} if reward_model else {"--judge": judge, "--judge-model": judge_model}
    remedies = {"--judge": "Give a service’s address, or --reward-model NAME."}
    refuse([Problem("is missing.", field=one, remedy=remedies.get(one)) for one, value in needed.items() if not value])
    user = acting.user()
    job = judgements.submit(
        user,
        models=model or (),
        dataset=data,
        endpoint=judge,
        endpoint_model=judge_model,
        reward_model=reward_model,
        criteria=criteria,
        instruction=instruction,
        settings={key: value_of(text) for key, text in output.pairs(settings or [], "--set").items()},
        name=name,
        idem_key=idempotency_key,
    )
    output.note(f"job {job.id}")
    waiting.report(user, job, wait, as_json)
