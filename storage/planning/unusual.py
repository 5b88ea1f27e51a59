"""Settings that are allowed but can hardly be meant: each with its reason, to be said at its field.

Impossible settings are refused where they are declared; these only cost time or the result.
"""

from __future__ import annotations

from collections.abc import Iterator

from templates import registry
from templates.errors import Problem
from templates.quantities import plural
from templates.recipe import Recipe, compose
from templates.spec import BaseFacts, TrainingParams

RATE_TIMES = 20
"""A learning rate this many times above or below the advised one hardly ever works."""
MANY_PASSES = 50
HIGH_DROPOUT = 0.5
HIGH_DECAY = 0.5


def of(recipe: Recipe, facts: BaseFacts, n_rows: int, n_updates: int) -> tuple[Problem, ...]:
    """The unusual settings of a recipe that learns from `n_rows` rows in `n_updates` updates."""
    training = recipe.training()
    return (
        *_batch(training, n_rows),
        *_rate(recipe, training, facts),
        *_length_of_run(training, n_updates),
        *_rank(recipe, facts),
        *_shares(recipe),
    )


def _batch(training: TrainingParams, n_rows: int) -> Iterator[Problem]:
    rows, steps = training.per_device_train_batch_size, training.gradient_accumulation_steps
    if rows > n_rows:
        yield Problem(
            f"{rows:,} rows per step, but there are only {plural(n_rows, 'row')} to learn from: every pass is a single "
            "update.",
            field="per_device_train_batch_size",
            remedy="Usual values are 4–32.",
        )
    elif rows * steps > n_rows:
        yield Problem(
            f"{steps:,} steps of {rows:,} rows are more than the {plural(n_rows, 'row')} to learn from: every pass is "
            "at most one update.",
            field="gradient_accumulation_steps",
            remedy="Use fewer steps per update.",
        )


def _rate(recipe: Recipe, training: TrainingParams, facts: BaseFacts) -> Iterator[Problem]:
    own = recipe.method_params  # the method's defaults may not fit this base
    advised = compose(
        recipe.objective, recipe.method, quantization=recipe.quantization, settings=own, facts=facts
    ).training()
    times = training.learning_rate / advised.learning_rate
    if times >= RATE_TIMES:
        says = f"{times:,.0f} times the advised {advised.learning_rate:g}: the training will probably fall apart."
    elif times <= 1 / RATE_TIMES:
        says = f"1/{1 / times:,.0f} of the advised {advised.learning_rate:g}: the model will hardly learn anything."
    else:
        return
    yield Problem(says, field="learning_rate", remedy=f"Stay near {advised.learning_rate:g}.")


def _length_of_run(training: TrainingParams, n_updates: int) -> Iterator[Problem]:
    if training.max_steps < 1 and training.num_train_epochs > MANY_PASSES:
        yield Problem(
            f"{training.num_train_epochs:g} passes: the model will know your rows by heart instead of learning from "
            "them.",
            field="num_train_epochs",
            remedy="Usual values are 1–10.",
        )
    if training.warmup_steps >= 1 and training.warmup_steps >= n_updates:
        yield Problem(
            f"{training.warmup_steps:g} updates of warm-up, but the run has only {n_updates:,}: the learning rate is "
            "never reached.",
            field="warmup_steps",
            remedy="Use a share such as 0.05.",
        )


def _rank(recipe: Recipe, facts: BaseFacts) -> Iterator[Problem]:
    rank = getattr(recipe.adaptation(), "r", 0)
    narrow = [p for p in facts.projections if min(p.shape) < rank]
    if not narrow:
        return
    name, width = narrow[0].place.rpartition(".")[2], min(narrow[0].shape)
    yield Problem(
        f"rank {rank} is larger than {plural(len(narrow), 'kind')} of layers can use; “{name}”, for example, is only "
        f"{width} wide.",
        field="r",
        remedy=f"Use at most {min(min(p.shape) for p in narrow)}; usual values are 8–64.",
    )


def _shares(recipe: Recipe) -> Iterator[Problem]:
    given = {**recipe.objective_params, **recipe.method_params}
    for name, most, effect in (
        ("lora_dropout", HIGH_DROPOUT, "most of the adapter is switched off while it learns"),
        ("weight_decay", HIGH_DECAY, "the weights are pulled to zero faster than they learn"),
    ):
        value = given.get(name, 0)
        if isinstance(value, int | float) and value > most:
            title = registry.objective(recipe.objective).params.model_fields.get(name)
            what = f"{title.title.lower()} {value:g}" if title and title.title else f"{value:g}"
            yield Problem(f"{what}: {effect}.", field=name, remedy="Usual values are 0–0.1.")
