"""The training form's choices: models, data, methods and named recipes, all with advice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from app.formats import parameters
from storage.bases import base_models
from storage.data import dataset_lists, datasets
from storage.data.health import outcomes
from storage.gallery import artifact_lists, artifacts
from storage.listing import Place
from storage.models import Artifact, BaseModelRow, Dataset, User
from templates import capabilities, registry
from templates import recipe as recipes
from templates.continuation import CHOICES
from templates.errors import NotFound
from templates.recipe import Recipe
from templates.spec import PRESET_TITLES, Preset, Quantization

RECIPE = "recipe:"
EXPERT = "expert"
"""The choice that shows the methods for experts too."""
APART = " · "
"""Between a dataset's name and its size."""
N_OFFERED = 100
"""Datasets offered at once; typing finds the others."""
PRECISIONS: Mapping[Quantization, str] = {"none": "full precision", "int8": "8-bit (int8)", "nf4": "4-bit (nf4)"}


@dataclass(frozen=True)
class Way:
    """A method, or a named recipe's method and settings."""

    method: str
    quantization: Quantization = "none"
    settings: Mapping[str, Any] = field(default_factory=dict)


def first_data(user: User) -> Dataset | None:
    """The newest dataset that a goal can learn from and be judged on, else the newest."""
    able = [key for key in registry.shapes() if registry.objectives_for(key)]
    judged = dataset_lists.newest(user, able, judgeable=True)
    return judged or dataset_lists.newest(user, able) or dataset_lists.newest(user, registry.shapes())


def ways(objective: str, *, experts: bool = False) -> list[tuple[str, str]]:
    """Methods and named recipes that this objective works with as choices, the advised one first.

    Without `experts`, one choice stands for all methods that only experts need.
    """
    best = registry.objective(objective).advised_method
    of_goal = registry.goals().get(registry.goal_of(objective))
    next_best = of_goal.methods if of_goal else ()
    every = capabilities.methods_for(registry.objective(objective))
    able = [method for method in every if not method.is_expert]
    folded = [method for method in every if method.is_expert]
    methods = [(f"{m.title} — advised" if m.key == best else m.title, m.key) for m in able]
    named = [
        (_title_of(text, name), f"{RECIPE}{name}")
        for name, text in recipes.named().items()
        if recipes.read_toml(text, f"{name}.toml")["objective"] == objective
    ]
    places = {method.key: method.place for method in able}
    methods.sort(key=lambda choice: (choice[1] != best, choice[1] not in next_best, places[choice[1]]))
    n_first = 1 + sum(key in next_best and key != best for _, key in methods)
    further = [(f"{m.title} · expert", m.key) for m in folded] if experts else []
    fold = [(f"Show {len(folded)} more methods, for experts …", EXPERT)] if folded and not experts else []
    return [*methods[:n_first], *named, *methods[n_first:], *further, *fold]


def is_expert(choice: str) -> bool:
    """Whether a choice is a method that is folded away at first."""
    return registry.method(way(choice).method).is_expert


def left_out(objective: str) -> str | None:
    """The methods that this objective doesn't work with, with the reason; None if it works with all."""
    goal = registry.objective(objective)
    able = capabilities.methods_for(goal)
    others = [method for method in registry.methods().values() if method not in able]
    if not others:
        return None
    why = "; ".join(dict.fromkeys(need.why for need in goal.needs_with({})))
    return f"Not {' or '.join(method.title for method in others)}: this goal {why}."


def _title_of(toml: str, name: str) -> str:
    """The recipe file's first comment, up to its source: `# QLoRA (Dettmers …): …` → `QLoRA`."""
    first = toml.splitlines()[0].lstrip("# ").split(" (")[0].split(":")[0].strip()
    return f"{first or name}: LoRA on a 4-bit base" if name == "qlora" else first or name


def way(choice: str) -> Way:
    """The method or recipe behind a choice."""
    if not choice.startswith(RECIPE):
        return Way(registry.method(choice).key)
    name = choice.removeprefix(RECIPE)
    found = recipes.read_toml(recipes.named().get(name, ""), f"{name}.toml")
    return Way(found["method"], found["quantization"], found["settings"])


def advised(base: BaseModelRow, objective: str, choice: str, preset: str) -> Recipe:
    """The recipe for a choice, everything filled in."""
    chosen = way(choice)
    return recipes.compose(
        objective,
        chosen.method,
        preset=cast(Preset, preset),
        quantization=chosen.quantization,
        settings=chosen.settings,
        facts=base_models.facts(base),
    )


def setting_names(objective: str, choice: str) -> set[str]:
    """The settings that an objective and a method have."""
    params = (registry.objective(objective).params, registry.method(way(choice).method).params)
    return {name for declared in params for name in declared.model_fields}


def precisions(method: str) -> list[tuple[str, str]]:
    """The precisions of the frozen base that a method works on, as choices."""
    return [(PRECISIONS[q], q) for q in registry.method(method).quantizations]


def efforts() -> list[tuple[str, str]]:
    """The presets as choices."""
    return [(title, key) for key, title in PRESET_TITLES.items()]


def bases(user: User, chosen: str = "") -> list[tuple[str, str]]:
    """The base models as choices, and below them the user's newest results and the chosen one, to go on from."""
    found = [
        (f"{row.name} · {parameters(base_models.facts(row).n_parameters)} · {row.source}", row.name)
        for row in base_models.of_user(user)
    ]
    results = [row for row in artifact_lists.page(user, Place(N_OFFERED)).rows if artifacts.is_model(row)]
    if chosen and chosen not in {name for _, name in found} | {row.name for row in results}:
        results.append(artifacts.get(user, chosen))
    under = artifacts.bases_of(results)
    return found + [
        (f"{row.name} · your {registry.artifact_kind(row.kind).title}, from {under[row.id].name}", row.name)
        for row in results
    ]


def teachers(user: User, chosen: str = "") -> list[tuple[str, str]]:
    """The models to learn from, as choices; the chosen one among them if it exists.

    The student is among them too: a smaller copy of it can learn from it.
    """
    try:
        return bases(user, chosen)
    except NotFound:  # a link may name a model that is gone
        return bases(user)


def advised_teacher(user: User, student: BaseModelRow | Artifact, method: str) -> str:
    """The teacher to propose: the student itself if the method starts anew, or else the largest other model, and a
    result on it rather than the model itself; "" if there is none."""
    if registry.method(way(method).method).starts_anew:
        return student.name
    sizes = _sizes(user)
    sizes.pop(student.name, None)
    return max(sizes, key=lambda name: sizes[name], default="")


def advised_student(user: User, base: str) -> str:
    """The student to propose where `base` is proposed otherwise: the largest base model that is smaller than the
    largest model, which is the best teacher; `base` itself if that is smaller, or nothing is."""
    sizes = _sizes(user)
    largest = max(sizes.values(), default=0)
    if sizes.get(base, 0) < largest:
        return base
    smaller = [row.name for row in base_models.of_user(user) if sizes[row.name] < largest]
    return max(smaller, key=lambda name: sizes[name], default=base)


def _sizes(user: User) -> dict[str, int]:
    """The parameters of every model that can teach, results first; a result has its base's."""
    results = [row for row in artifact_lists.page(user, Place(N_OFFERED)).rows if artifacts.is_model(row)]
    under = artifacts.bases_of(results)
    sizes = {row.name: base_models.facts(under[row.id]).n_parameters for row in results}
    return sizes | {row.name: base_models.facts(row).n_parameters for row in base_models.of_user(user)}


def continuations() -> list[tuple[str, str]]:
    """The ways to go on from an adapter as choices."""
    return [(title, key) for key, title in CHOICES.items()]


def data(user: User, chosen: str, typed: str = "") -> list[tuple[str, str]]:
    """The newest datasets, of those whose names contain what was typed, and the chosen one as choices.

    One that is known to mislead says so.
    """
    found = list(dataset_lists.page(user, Place(N_OFFERED), name=typed).rows)
    if chosen not in {dataset.name for dataset in found}:
        found.append(datasets.get(user, chosen))
    known = outcomes.known(user, found, within_s=0)
    misleading = {key for key, outcome in known.items() if outcome.misleads}
    return [
        (
            f"{d.name}{APART}{d.n_rows - d.n_held_out:,} rows + {d.n_held_out:,} held out"
            + (" · would mislead you" if d.id in misleading else ""),
            d.name,
        )
        for d in found
    ]
