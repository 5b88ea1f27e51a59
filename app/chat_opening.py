"""Opens a chat as its models were trained: with their instruction, as a system turn for all of them."""

from __future__ import annotations

from collections.abc import Sequence

from storage import job_inputs
from storage.gallery import artifacts, label_sets
from storage.models import Artifact, User
from templates import at_strength, registry
from templates.errors import NotFound


def instruction(user: User, models: Sequence[str]) -> str:
    """The instruction of the first adapted model among `models` (as chat names them); "" if none has one."""
    for name in map(_name, models):
        try:
            found = artifacts.instruction_of(artifacts.get(user, name)) if name else ""
        except NotFound:
            continue  # a base model has none
        if found:
            return found
    return ""


def gives_labels(user: User, models: Sequence[str]) -> bool:
    """Whether an adapted model among `models` was trained to answer each message with a label."""
    names = set(map(_name, models))
    return any(_gives_labels(artifact) for artifact in artifacts.models_of(user) if artifact.name in names)


def _name(model: str) -> str:
    return at_strength.read(model).name


def _gives_labels(artifact: Artifact) -> bool:
    measured_on = job_inputs.of_job(artifact.job_id).measured_on
    by_shape = measured_on is not None and "label_accuracy" in registry.shape(measured_on.shape).metrics
    return by_shape or "label_accuracy" in artifacts.model_facts(artifact).verdict.get("metrics", {})


def labels_of(user: User, models: Sequence[str]) -> str | None:
    """The first result among `models` (names) that chooses among labels, so that all of them do; None without one."""
    names = list(map(_name, models))
    by_name = {artifact.name: artifact for artifact in artifacts.models_of(user) if artifact.name in names}
    found = (name for name in names if name in by_name and label_sets.of_artifact(by_name[name]))
    return next(found, None)


def system(instruction: str) -> list[dict[str, str]]:
    """The instruction as a system turn; nothing for an empty one."""
    return [{"role": "system", "content": instruction.strip()}] if instruction.strip() else []


def turns(instruction: str, prompt: str) -> list[dict[str, str]]:
    """The turns that ask for a first answer."""
    return [*system(instruction), {"role": "user", "content": prompt}]
