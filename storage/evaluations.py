"""Evaluations: several models scored on the same held-out rows."""

from __future__ import annotations

from storage import artifacts, base_models, datasets, jobs, model_names
from storage.models import Artifact, BaseModelRow, Job, User
from templates.errors import NotFound, Problem, refuse

MAX_MODELS = 16


def submit(user: User, *, models: list[str], dataset: str, name: str | None = None, idem_key: str | None = None) -> Job:
    """Queue the scoring of base models and artifacts; the others are compared with the first.

    Raises `BadInput` with every unknown or repeated model, `NotFound` for an unknown dataset.
    """
    data = datasets.get(user, dataset)
    problems = [] if name is None else model_names.flaw(name)
    if not 1 <= len(models) <= MAX_MODELS:
        problems.append(Problem(f"give 1 to {MAX_MODELS} models, not {len(models)}.", field="models"))
    if data.n_held_out < 1:
        problems.append(Problem(f"“{data.name}” has no held-out rows.", field="dataset", remedy="Add a larger file."))
    found: dict[str, BaseModelRow | Artifact] = {}
    for asked in models[:MAX_MODELS]:
        try:
            model = find_model(user, asked)
        except NotFound as error:
            problems += [Problem(p.message, field="models", remedy=p.remedy) for p in error.problems]
            continue
        if model.id in found:
            problems.append(Problem(f"“{asked}” is there twice.", field="models", remedy="Name each model once."))
        found[model.id] = model
    refuse(problems)
    return jobs.submit(
        user,
        name=name or f"{' · '.join(model.name for model in found.values())} on {data.name}",
        kind="evaluate",
        spec={"models": list(found), "names": [model.name for model in found.values()]},
        dataset_id=data.id,
        idem_key=idem_key,
    )


def find_model(user: User, name_or_id: str) -> BaseModelRow | Artifact:
    """The base model or artifact of this name or id. Raises `NotFound`."""
    try:
        return artifacts.get(user, name_or_id)
    except NotFound:
        pass  # then it is a base model, or nothing
    try:
        return base_models.get(user, name_or_id)
    except NotFound:
        known = [row.name for row in base_models.of_user(user)] + [row.name for row in artifacts.of_user(user)]
        raise NotFound(
            f"There is no model “{name_or_id}”.", code="no_such_model", remedy=f"Known: {', '.join(known)}."
        ) from None
