"""A recipe: objective, method and every parameter, as one document that can be run again.

Keys are TRL's and PEFT's argument names. On disk it is TOML:

    objective = "sft"
    method = "lora"
    quantization = "nf4"

    instruction = "Answer with one of: refund, delivery."

    [objective_params]
    learning_rate = 0.002

    [method_params]
    r = 16

A file may also name what to learn from, as `data = ["tickets:0.7", "intents:0.3"]` and `replay = ["general:0.3"]`, and
the reward model that rewards answers, as `reward = "my-judge:0.5"`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from templates import capabilities, instructions, registry
from templates.errors import BadInput, Problem, refuse
from templates.spec import PRESET_TITLES, BaseFacts, Method, Objective, Params, Preset, Quantization, TrainingParams

RECIPES_DIR = Path(__file__).parent / "recipes"
DATASETS = ("data", "replay")
"""Keys with lists of datasets, as `templates.mix.parse` reads them; a stored recipe has none."""
REWARD = "reward"
"""Key with a reward model and its weight, as `templates.mix.parse` reads it. A result's file has it,
a `Recipe` not."""
TOP_LEVEL = (
    *("objective", "method", "quantization", "preset", "instruction", "objective_params", "method_params"),
    *DATASETS,
    REWARD,
)
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
"""Pydantic's error types → the key of the bound in their context, and words for it."""


class Recipe(BaseModel):
    """A complete, validated recipe: it states every parameter and leaves none to a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    objective: str
    method: str
    quantization: Quantization = "none"
    instruction: str = ""
    """The system text of every row without its own (`templates.instructions`); "" for none."""
    objective_params: dict[str, Any]
    method_params: dict[str, Any]

    def training(self) -> TrainingParams:
        """The objective's parameters, validated again."""
        return registry.objective(self.objective).params(**self.objective_params)

    def adaptation(self) -> Params:
        """The method's parameters, validated again."""
        return registry.method(self.method).params(**self.method_params)


def compose(
    objective: str,
    method: str,
    *,
    preset: Preset = "balanced",
    quantization: Quantization = "none",
    instruction: str | None = None,
    settings: Mapping[str, Any] | None = None,
    facts: BaseFacts | None = None,
) -> Recipe:
    """A recipe made from a choice and the settings that override it.

    Later ones win: shared defaults, what the method advises for a base of these `facts`, the objective's
    own defaults and advice, its preset, `settings` (flat; each key belongs to the objective, the
    method, or is `quantization`). Raises `BadInput` with every problem at once.
    """
    chosen, how = registry.objective(objective), registry.method(method)
    if preset not in PRESET_TITLES:
        raise BadInput(
            Problem(
                f"“{preset}” is not an effort level.", field="preset", remedy=f"One of: {', '.join(PRESET_TITLES)}."
            )
        )
    given = dict(settings or {})
    quantization = given.pop("quantization", quantization)
    training = {**_advised(chosen, how, facts), **chosen.presets[preset]}
    problems = instructions.problems(instruction or "")
    adaptation = {key: value for key, value in given.items() if key in how.params.model_fields}
    method_params = _validated(how.params, adaptation, problems)
    room = _room(how, method_params, facts)
    if room is not None:
        training["max_length"] = min(training.get("max_length", 512), max(room, 8))
    rest = {key: value for key, value in given.items() if key not in adaptation}
    training |= {key: value for key, value in rest.items() if key in chosen.params.model_fields}
    problems += [_unknown(key, chosen, how) for key in rest if key not in chosen.params.model_fields]
    objective_params = _validated(chosen.params, training, problems)
    problems += capabilities.refusals(chosen, how, quantization, method_params or None, objective_params)
    if method_params or not adaptation:
        problems += how.problems(how.params(**method_params), quantization, facts)
    if room is not None and facts and objective_params and objective_params["max_length"] > room:
        problems.append(_too_long(objective_params["max_length"], facts.context_length, room))
    if objective_params.get("gradient_checkpointing") and not how.allows_gradient_checkpointing:
        problems.append(_no_gradient_checkpointing(how))
    refuse(problems)
    return Recipe(
        objective=objective,
        method=method,
        quantization=quantization,
        instruction=(instruction or "").strip(),
        objective_params=objective_params,
        method_params=method_params,
    )


def _advised(chosen: Objective, how: Method, facts: BaseFacts | None) -> dict[str, Any]:
    """Default training settings that differ from the shared defaults."""
    if facts is None:
        return dict(chosen.declared_defaults)
    of_method = how.advised(facts)
    return {**of_method, **chosen.declared_defaults, **chosen.advised(facts, of_method)}


def _room(how: Method, method_params: Mapping[str, Any], facts: BaseFacts | None) -> int | None:
    """The base's context without the tokens that the method puts before every row; None if the base is unknown."""
    if facts is None:
        return None
    return facts.context_length - (how.virtual_tokens(how.params(**method_params)) if method_params else 0)


def _too_long(asked: int, context_length: int, room: int) -> Problem:
    besides = "" if room == context_length else f" with the {context_length - room} virtual tokens"
    return Problem(
        f"{asked} tokens{besides} is longer than the base model's context of {context_length}.",
        field="max_length",
        remedy=f"Use at most {room}." if room >= 8 else "Use fewer virtual tokens.",
    )


def _no_gradient_checkpointing(how: Method) -> Problem:
    return Problem(
        f"does not work with {how.title}.",
        field="gradient_checkpointing",
        remedy="Switch it off and use fewer rows per step (per_device_train_batch_size).",
    )


def _unknown(key: str, chosen: Objective, how: Method) -> Problem:
    known = [*chosen.params.model_fields, *how.params.model_fields, "quantization"]
    return Problem(
        f"{chosen.key} with {how.key} has no setting of this name.", field=key, remedy=f"Known: {', '.join(known)}."
    )


def _validated(params: type[Params], values: Mapping[str, Any], problems: list[Problem]) -> dict[str, Any]:
    try:
        return params(**values).model_dump()
    except ValidationError as error:
        problems += problems_of(error)
        return {}


def problems_of(error: ValidationError, file: str | None = None) -> list[Problem]:
    """Pydantic's findings as problems that name their field."""
    return [
        Problem(
            f"{_message(detail)} (got {detail['input']!r}).",
            field=".".join(str(part) for part in detail["loc"]) or None,
            file=file,
        )
        for detail in error.errors(include_url=False)
    ]


def _message(detail: ErrorDetails) -> str:
    if bound := _BOUNDS.get(detail["type"]):
        key, words = bound
        return f"must be {words} {detail['ctx'][key]:.15g}"
    return detail["msg"]


def read_toml(text: str, file: str = "recipe.toml") -> dict[str, Any]:
    """The arguments for `compose` in a recipe file, its lists of datasets and its reward model.

    Raises `BadInput` naming line or key.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(Problem(f"not valid TOML: {error}.", file=file)) from error
    problems = [
        Problem("is not a key of a recipe.", file=file, field=key, remedy=f"Known: {', '.join(TOP_LEVEL)}.")
        for key in document
        if key not in TOP_LEVEL
    ]
    problems += [Problem("is missing.", file=file, field=key) for key in ("objective", "method") if key not in document]
    tables = {name: document.get(name, {}) for name in ("objective_params", "method_params")}
    problems += [
        Problem("must be a text.", file=file, field=key)
        for key in ("instruction", REWARD)
        if not isinstance(document.get(key, ""), str)
    ]
    problems += [Problem("must be a table.", file=file, field=n) for n, t in tables.items() if not isinstance(t, dict)]
    named = {key: document[key] for key in (*DATASETS, REWARD) if key in document}
    problems += [
        Problem("must be a list of texts.", file=file, field=key, remedy='Write, say, ["tickets:0.7", "intents:0.3"].')
        for key, value in named.items()
        if key in DATASETS
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value)
    ]
    refuse(problems)
    return {
        **named,
        "objective": document["objective"],
        "method": document["method"],
        "preset": document.get("preset", "balanced"),
        "quantization": document.get("quantization", "none"),
        "instruction": document.get("instruction"),
        "settings": {**tables["objective_params"], **tables["method_params"]},
    }


def to_toml(recipe: Recipe, reward: str = "") -> str:
    """The recipe as TOML that `read_toml` and `compose` turn into the same recipe.

    `reward` is the name of the reward model, if one rewarded answers; its weight is among the recipe's parameters.
    """
    return tomlkit.dumps({**({REWARD: reward} if reward else {}), **recipe.model_dump()})


def named() -> dict[str, str]:
    """The recipes that ship with the product: name → TOML text."""
    return {path.stem: path.read_text("utf-8") for path in sorted(RECIPES_DIR.glob("*.toml"))}
