"""`studio verifiers`, and what rewards answers in `studio train`: the options `--verifier` and `--reward`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from app.cli import output
from app.cli.output import Json
from templates import mix, recipe, verifier
from templates.errors import BadInput, Problem, refuse

OPTION = "--verifier"
Picked = Annotated[
    list[str] | None,
    typer.Option(
        OPTION,
        metavar="CHECK[:WEIGHT[:KEY=VALUE,…]]",
        help="A check that rewards answers (objectives grpo and rloo), such as length:0.2:max_words=40; may be "
        "repeated. `studio verifiers` lists all.",
    ),
]

REWARD = "--reward"
WEIGHT = "reward_model_weight"
Reward = Annotated[
    str | None,
    typer.Option(
        REWARD,
        metavar="NAME[:WEIGHT]",
        help="A reward model whose scores reward answers (objectives grpo and rloo), alone or together with checks.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("verifiers")(list_verifiers)


def list_verifiers(as_json: Json = False) -> None:
    """List the checks that can reward answers: exactly what passes each, and their settings."""
    from app.api import answer_documents

    found = answer_documents.of_verifiers()
    rows = [
        {
            **one,
            "settings": ", ".join(f"{p['name']}={p['default']}" for p in one["parameters"]),
            "compares": "with the row’s answer" if one["needs_reference"] else "",
            "passes": " ".join(str(one["page"]).split("\n\n")[0].split()),
        }
        for one in found
    ]
    output.emit(found, output.table(rows, ("key", "passes", "compares", "settings")), as_json)


def settings(given: Sequence[str] | None) -> dict[str, Any]:
    """The settings that the options stand for. Raises `BadInput` naming every option that can't be read."""
    from app.cli.train import value_of

    found: dict[str, Any] = {}
    problems = list[Problem]()
    for text in given or ():
        key, _, rest = text.partition(":")
        weight, _, more = rest.partition(":")
        known = verifier.verifiers().get(key)
        if known is None:
            remedy = f"Known: {', '.join(verifier.verifiers())}."
            problems.append(Problem(f"“{key}” is not a check.", field=OPTION, remedy=remedy))
            continue
        if key in found.setdefault("verifiers", []):
            problems.append(Problem(f"“{key}” is given twice.", field=OPTION))
        found["verifiers"].append(key)
        if weight:
            found[verifier.weight_of(key)] = value_of(weight)
        names = tuple(known.params.model_fields)
        for part in _parts(more, names):
            name, equals, value = part.partition("=")
            if not equals or name not in names:
                has = f"{key} has the settings {', '.join(names)}." if names else f"{key} has no settings."
                problems.append(Problem(f"“{part}” is not a setting of {key}.", field=OPTION, remedy=has))
            else:
                found[name] = value if known.params.model_fields[name].annotation is str else value_of(value)
    if problems:
        raise BadInput(*problems)
    return found


def rewarded_by(asked: dict[str, Any], option: str | None, typed: Mapping[str, Any]) -> None:
    """Put the reward model that the option names, or else the recipe's, into the arguments for `training.plan`.

    The option's weight replaces the recipe's; `typed`, the settings of `--set`, replace any weight that the recipe
    states. Raises `BadInput` for a weight that is no number, or that is given twice with different values; the plan
    checks the rest.
    """
    of_recipe = asked.pop(recipe.REWARD, None)
    given, field = (of_recipe, recipe.REWARD) if option is None else (option, REWARD)
    if given is None:
        return
    name, weight = mix.parse(given)
    wrong = [] if name else [Problem("names no reward model.", field=field, remedy="Write, say, my-judge:0.5.")]
    if weight is not None and not math.isfinite(weight):
        wrong.append(Problem(f"“{given}” ends in no weight.", field=field, remedy="Write, say, my-judge:0.5."))
    refuse(wrong)
    asked["reward"] = name
    if weight is None or (option is None and WEIGHT in typed):
        return
    beside = typed if option is not None else asked["settings"]
    if beside.get(WEIGHT, weight) != weight:
        what = f"The weight of “{name}” is given twice with different values: {weight:g} and {WEIGHT}={beside[WEIGHT]}."
        raise BadInput(Problem(what, field=field, remedy="Leave one of them out."))
    asked["settings"] = {**asked["settings"], WEIGHT: weight}


def _parts(text: str, names: Sequence[str]) -> list[str]:
    """`key=value` texts; a comma separates them only before another setting, as values may hold commas."""
    if not text:
        return []
    another = "|".join(map(re.escape, names))
    return re.split(rf",(?=(?:{another})=)", text) if names else [text]
