"""`studio train` and `studio eval`: jobs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from app.cli import output, verifiers
from app.cli.output import Json
from app.formats import duration
from templates import discovery, mix
from templates.errors import BadInput, Problem, refuse
from templates.quantities import size
from templates.recipe import DATASETS

Wait = Annotated[bool, typer.Option("--wait", help="Wait for the job to finish; starts a worker if none is running.")]
Instruction = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="The system text for rows without their own; by default the dataset's."),
]
ContinueFrom = Annotated[
    str,
    typer.Option(
        metavar="WAY", help="If the base is an adapter: train the same_adapter further, or a new one on it merged."
    ),
]
Data = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME[:WEIGHT]", help="The dataset; repeat it to learn several, each with its weight."),
]
Replay = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME[:SHARE]",
        help="A dataset to learn beside them without being judged on it, so that the model keeps what it knew.",
    ),
]
Keep = Annotated[bool, typer.Option("--keep", help="Replay the rows that the base wrote itself (`studio replay`).")]
Key = Annotated[str | None, typer.Option(help="Repeating a command with the same key returns the same job.")]

_SUITES = " or ".join(discovery.keys("templates.suites"))


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("train")(train)
    app.command("eval")(evaluate)


def train(
    recipe: Annotated[str | None, typer.Argument(metavar="RECIPE.toml", help="A recipe file or named recipe.")] = None,
    base: Annotated[str | None, typer.Option(help="The base model, or a result to go on from.")] = None,
    data: Data = None,
    replay: Replay = None,
    keep: Keep = False,
    objective: Annotated[str | None, typer.Option(help="The training objective.")] = None,
    method: Annotated[str | None, typer.Option(help="How weights change.")] = None,
    teacher: Annotated[str | None, typer.Option(help="The model to learn from, if the objective has one.")] = None,
    preset: Annotated[str | None, typer.Option(help="Effort: quick, balanced or thorough.")] = None,
    instruction: Instruction = None,
    continue_from: ContinueFrom = "advised",
    verifier: verifiers.Picked = None,
    reward: verifiers.Reward = None,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE")] = None,
    name: Annotated[str | None, typer.Option(help="The name of the job and of its result.")] = None,
    idempotency_key: Key = None,
    wait: Wait = False,
    as_json: Json = False,
) -> None:
    """Submit a training job. Options override the recipe."""
    from app.cli import acting, waiting
    from storage.planning import self_replays, training

    options = {"objective": objective, "method": method, "preset": preset, "instruction": instruction}
    asked = _asked(recipe, options, settings or (), verifiers.settings(verifier), reward)
    weights, replayed = _datasets(asked, data, replay)
    needed = {"--base": base, "--data": weights, "--name": name}
    needed |= {"--objective": asked.get("objective"), "--method": asked.get("method")}
    refuse([Problem("is missing.", field=option) for option, value in needed.items() if not value])
    user = acting.user()
    if keep:
        replayed.setdefault(self_replays.needed(user, str(base)).name, None)
    asked |= {"continue_from": cast(Any, continue_from), "teacher": teacher, "weights": weights, "replay": replayed}
    plan = training.plan(user, base=str(base), dataset=next(iter(weights)), **asked)
    for line in planned(plan):
        output.note(line)
    job = training.submit(user, plan, name=str(name), idem_key=idempotency_key)
    output.note(f"job {job.id}")
    waiting.report(user, job, wait, as_json)


def _asked(
    recipe: str | None, options: Mapping[str, str | None], settings: Any, checks: Mapping[str, Any], reward: str | None
) -> dict[str, Any]:
    """The arguments for `training.plan`: the recipe with the options on top."""
    given = {key: value_of(text) for key, text in output.pairs(settings, "--set").items()}
    asked = _recipe(recipe) if recipe else {"settings": {}}
    asked |= {key: value for key, value in options.items() if value is not None}
    asked["settings"] = {**asked["settings"], **checks, **given}
    verifiers.rewarded_by(asked, reward, given)
    return asked


def _datasets(
    asked: dict[str, Any], data: Sequence[str] | None, replay: Sequence[str] | None
) -> tuple[dict[str, float | None], dict[str, float | None]]:
    """The datasets to learn and those to replay, with their weights; takes the recipe's lists out of `asked`."""
    of_recipe = {key: asked.pop(key, []) for key in DATASETS}
    weights, wrong = mix.named(data or of_recipe["data"], "--data")
    replayed, wrong_too = mix.named(replay or of_recipe["replay"], "--replay")
    refuse([*wrong, *wrong_too])
    return weights, replayed


def value_of(text: str) -> Any:
    """A setting's value from the command line: JSON if it parses, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _recipe(given: str) -> dict[str, Any]:
    from templates import recipe as recipes

    named = recipes.named()
    if given in named:
        return recipes.read_toml(named[given], given)
    try:
        return recipes.read_toml(Path(given).read_text("utf-8"), given)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadInput(
            Problem(f"can't be read: {why}.", file=given, remedy=f"Named recipes: {', '.join(named)}.")
        ) from error


def planned(plan: Any) -> list[str]:
    """The plan as lines for the terminal."""
    cost, recipe = plan.estimate, plan.recipe
    base = f"{plan.parent.name} (from {plan.base_row.name})" if plan.parent else plan.base_row.name
    epochs, batch = recipe.objective_params["num_train_epochs"], recipe.objective_params["per_device_train_batch_size"]
    times = f"{duration(cost.seconds_low)} to {duration(cost.seconds_high)}"
    data = ", ".join(one.name for one in plan.data.task)
    lines = [
        f"{recipe.objective} with {recipe.method} on {base} ({recipe.quantization}), "
        f"data {data}: {cost.n_rows:,} rows × {epochs:g} epochs in batches of {batch}, "
        f"{cost.steps:,} steps, {cost.n_held_out:,} rows held out",
        f"≈ {times} · ≈ {size(cost.memory_bytes)} of {size(cost.memory_free_bytes)} memory · "
        f"result {size(cost.published_bytes)} · {cost.machine} ({cost.based_on})",
    ]
    lines += mix.sentences(plan.portions) if plan.portions else []
    if plan.teacher:
        lines.append(f"teacher: {plan.teacher.name}")
    if plan.continuation:
        lines.append(plan.continuation.why)
    lines += plan.notes
    if recipe.instruction:
        lines.append(f"instruction: {recipe.instruction}")
    if cost.detectable:
        lines.append(f"{cost.detectable.sentence}.")
    if cost.n_truncated:
        lines.append(f"{cost.n_truncated:,} rows are longer than {recipe.objective_params['max_length']} tokens: cut")
    if cost.n_refused:
        row, why = plan.lengths.refused_rows[0]
        lines.append(
            f"{cost.n_refused:,} rows are left out: a model can't learn from them (row {row:,}: {why.rstrip('.')})"
        )
    lines += plan.lengths.template_words
    lines += [f"To make it shorter: {fix.text}" for fix in cost.shorter]
    return lines


def evaluate(
    models: Annotated[list[str] | None, typer.Option("--model", help="A base model or artifact; repeat it.")] = None,
    data: Annotated[str | None, typer.Option(help="The dataset whose held-out rows are scored.")] = None,
    suite: Annotated[str | None, typer.Option(help=f"Or a suite: {_SUITES}.")] = None,
    instruction: Instruction = None,
    name: Annotated[str | None, typer.Option(help="The job's name.")] = None,
    idempotency_key: Key = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the scores, or only queue the job.")] = True,
    as_json: Json = False,
) -> None:
    """Score models on the same held-out rows or suite, each compared with the first."""
    from app.cli import acting, waiting
    from storage.planning import evaluations

    problems = [] if models else [Problem("is missing.", field="--model")]
    if bool(data) == bool(suite):
        problems.append(evaluations.one_of("--data", "--suite", neither=not data))
    refuse(problems)
    user = acting.user()
    job = evaluations.submit(
        user,
        models=models or [],
        dataset=data or None,
        suite=suite or None,
        instruction=instruction,
        name=name,
        idem_key=idempotency_key,
    )
    output.note(f"job {job.id}")
    waiting.report(user, job, wait, as_json)
