"""The order for a training: its base, rows and recipe."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from storage import teacher_readings
from storage.bases import base_models, measurements
from storage.data import openings
from storage.gallery import artifacts, chains, suites
from storage.models import Artifact, BaseModelRow, Dataset, Job
from storage.planning import reward_models
from storage.runs.bootstrap import Interval
from storage.settings import settings
from templates import registry
from templates.continuation import ChainStep, Way
from templates.mix import ONE_DATASET, Mix
from templates.recipe import Recipe
from templates.roles import Role
from templates.spec import BaseFacts
from workers.materials import model_ref, rows_of
from workers.orders import Claimed, from_another_version
from workers.protocol import ModelRef, Order


class Continued(BaseModel):
    """The result that a training goes on from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    way: Way
    why: str
    """The reason for this way, in words."""
    parent: ModelRef
    root: ModelRef
    """The base model at the root of the chain."""
    steps: tuple[ChainStep, ...]
    """The chain from the first training to the one that made the parent."""
    merged: ModelRef | None = None
    """An earlier result for which the same parent was merged: its base needs no second merge."""


class Teacher(BaseModel):
    """A model that the training learns from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ref: ModelRef
    facts: BaseFacts
    """Of the base model at its root."""
    license: str
    """The licence of the base model at its root."""

    @property
    def sha256(self) -> str:
        """The hash of its own weights; for a base model, its revision."""
        return self.ref.weights_sha256 or self.ref.base_revision


class Rewarding(BaseModel):
    """A reward model whose scores reward answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ref: ModelRef
    license: str
    """The licence of the base model at its root."""
    pair_accuracy: Interval | None = None
    """The share of held-out pairs that it ranks right, from its own verdict."""


class FurtherData(BaseModel):
    """A dataset that is learned together with the first, or replayed beside it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shape: str
    dataset_file: str
    dataset_name: str
    dataset_sha256: str
    split_seed: int | None = None
    instruction: str = ""
    """The system text of its rows without their own."""
    held_out_openings: int = 0
    """As in the order itself."""
    replayed: bool = False
    """It is learned, but the result is not judged on it."""


class TrainingOrder(Order):
    """An order to adapt `base` to the rows of a dataset."""

    base: ModelRef
    """The full weights; of a result that is merged first, those under its adapter."""
    continued: Continued | None = None
    """None: the training starts from the base model."""
    own_base: str = ""
    """Hash of full weights that are not a base model's, so the result has to carry them under its adapter."""
    base_name: str
    """The base model at the root; so for the other fields that begin with `base_`."""
    base_source: str
    """As `BaseModelRow.source`."""
    base_origin: str = ""
    base_license: str = ""
    facts: BaseFacts
    recipe: Recipe
    shape: str
    dataset_file: str
    """Parquet with the shape's fields and a boolean column `held_out`."""
    dataset_name: str
    dataset_sha256: str
    split_seed: int | None = None
    """The seed of the held-out rows, for the model card."""
    held_out_openings: int = 0
    """How often the dataset's held-out side had been opened for a verdict before this job started."""
    further: tuple[FurtherData, ...] = ()
    """Further datasets of the task, then the replayed ones."""
    mix: Mix = ONE_DATASET
    teacher: Teacher | None = None
    reward: Rewarding | None = None
    teacher_readings: str = ""
    """The folder where what teachers say is kept for later jobs; empty: with the job's checkpoints."""
    eval_rows: int
    forgetting_items: int = 0
    """Items of each general ability for base and result; 0 skips the measurement of forgetting."""
    forgetting_suite: str = "general"
    """The suite that they are from."""
    own_prompts: int = 0
    """Prompts that the base writes itself, to see which answers the result changed; 0: none."""
    measurements: str = ""
    """The folder where measurements of this base are kept; empty: nothing is kept."""

    @property
    def carries_base(self) -> bool:
        """Whether an adapter comes with its base: a bundled one is on no hub, a merged one nowhere else at all."""
        return bool(self.own_base) or self.base_source == "bundled"

    @property
    def repairs(self) -> bool:
        """Whether the job is to bring back what a result forgot."""
        return registry.objective(self.recipe.objective).repairs

    @property
    def against(self) -> str:
        """The name of the model that the result is compared with: the direct parent."""
        return self.continued.parent.name if self.continued else self.base_name

    @property
    def model_before(self) -> str:
        """The same model within a sentence."""
        return f"“{self.against}”" if self.continued else "the base"


ORDER = TrainingOrder


def order(claimed: Claimed) -> TrainingOrder:
    """The order for a claimed job."""
    model = claimed.model(Role.BASE)
    base = artifacts.base_of(model) if isinstance(model, Artifact) else model
    continued = _continued(model, base, claimed.job) if isinstance(model, Artifact) else None
    recipe = Recipe.model_validate(claimed.job.spec.get("recipe"))
    recipe.training(), recipe.adaptation()
    data = claimed.dataset(Role.TRAINING)
    return TrainingOrder(
        **claimed.common,
        **rows_of(data),
        held_out_openings=openings.of(data),
        **_mixed(claimed),
        base=_weights_of(continued.parent) if continued else model_ref(base),
        continued=continued,
        own_base=_own_base(model) if isinstance(model, Artifact) else "",
        base_name=base.name,
        base_source=base.source,
        base_origin=base.origin,
        base_license=base.license,
        facts=base_models.facts(base),
        recipe=recipe,
        teacher=_teacher(claimed, recipe),
        reward=_reward(claimed),
        teacher_readings=str(teacher_readings.home()),
        eval_rows=settings().eval_rows,
        forgetting_items=suites.forgetting_items(recipe.method),
        forgetting_suite=suites.of_base(base.source),
        own_prompts=settings().own_prompts,
        measurements=str(measurements.folder(base.revision)),
    )


def _mixed(claimed: Claimed) -> dict[str, Any]:
    """The further datasets and how they are mixed; nothing for a training on one."""
    if "mix" not in claimed.job.spec:
        return {}
    mix = Mix.model_validate(claimed.job.spec["mix"])
    task, replayed = claimed.inputs.all(Role.TRAINING)[1:], claimed.inputs.all(Role.REPLAY)
    told = [(one, text, False) for one, text in zip(task, mix.instructions, strict=True)]
    told += [(one, "", True) for one in replayed]
    further = [
        FurtherData(**rows_of(one), instruction=text, held_out_openings=openings.of(one), replayed=is_replayed)
        for one, text, is_replayed in told
        if isinstance(one, Dataset)
    ]
    return {"further": further, "mix": mix}


def _teacher(claimed: Claimed, recipe: Recipe) -> Teacher | None:
    if Role.TEACHER not in registry.objective(recipe.objective).roles:
        return None
    model = claimed.model(Role.TEACHER)
    ref, root = model_ref(model), artifacts.base_of(model) if isinstance(model, Artifact) else model
    return Teacher(ref=ref, facts=base_models.facts(root), license=root.license)


def _reward(claimed: Claimed) -> Rewarding | None:
    if claimed.inputs.model(Role.REWARD) is None:
        return None
    model = claimed.model(Role.REWARD)
    assert isinstance(model, Artifact), "base models give no scores"
    accuracy = reward_models.pair_accuracy(model)
    known = Interval.model_validate(accuracy) if accuracy else None
    return Rewarding(ref=model_ref(model), license=artifacts.base_of(model).license, pair_accuracy=known)


def _continued(parent: Artifact, root: BaseModelRow, job: Job) -> Continued:
    if "continued" not in job.spec:
        raise from_another_version(job.kind)
    return Continued(
        way=job.spec["continued"],
        why=job.spec.get("continued_because", ""),
        parent=model_ref(parent),
        root=model_ref(root),
        steps=chains.of(parent).steps,
        merged=_merged_before(parent) if job.spec["continued"] == "merged" else None,
    )


def _merged_before(parent: Artifact) -> ModelRef | None:
    found = chains.merged_before(parent)
    return _weights_of(model_ref(found)) if found and artifacts.folder(found).is_dir() else None


def _weights_of(model: ModelRef) -> ModelRef:
    return model.model_copy(update={"adapter_folder": None, "weights_sha256": None})


def _own_base(parent: Artifact) -> str:
    """The hash of the full weights that the parent consists of or carries; a merge replaces it."""
    facts = artifacts.model_facts(parent)
    return facts.own_base if registry.artifact_kind(parent.kind).on_base else facts.weights_sha256
