"""The chain of trainings behind a model: from a base model through every result that a training went on from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import col, select

from storage import db, deleted_names, job_inputs
from storage.gallery import artifacts
from storage.job_inputs import Inputs
from storage.models import Artifact, BaseModelRow, JobInput
from templates.continuation import ChainStep
from templates.roles import Role


@dataclass(frozen=True)
class Chain:
    """A base model, and the trainings on top of it."""

    root: BaseModelRow
    steps: tuple[ChainStep, ...] = ()
    """In the order in which they were made; the last one made the model itself."""

    @property
    def before(self) -> str:
        """The name of the newest model before the last training that still exists."""
        return next((step.name for step in reversed(self.steps[:-1]) if not step.deleted), self.root.name)


def of(model: BaseModelRow | Artifact) -> Chain:
    """The chain behind one model; results that were deleted since are part of it."""
    return Chain(model) if isinstance(model, BaseModelRow) else of_models([model])[model.id]


def of_models(models: Sequence[Artifact]) -> dict[str, Chain]:
    """The chain behind each of these results, by id; looked up level by level for all of them."""
    steps: dict[str, tuple[ChainStep, ...]] = {model.id: () for model in models}
    found: dict[str, Chain] = {}
    open_ = {model.id: model for model in models}
    while open_:
        inputs = job_inputs.of_jobs({model.job_id for model in open_.values()})
        below: dict[str, Artifact] = {}
        for key, model in open_.items():
            used = inputs[model.job_id]
            steps[key] = (_step(model, used), *steps[key])
            under = used.model(Role.BASE)
            if isinstance(under, BaseModelRow):
                found[key] = Chain(under, steps[key])
            elif under is not None:
                below[key] = under
        open_ = below
    return found


def below_jobs(inputs: Mapping[str, Inputs]) -> dict[str, Chain]:
    """By job: the chain behind the result that the job's training goes on from; without the jobs that have none."""
    parents = {job_id: used.model(Role.BASE) for job_id, used in inputs.items()}
    results = {job_id: model for job_id, model in parents.items() if isinstance(model, Artifact)}
    found = of_models(_whole({model.id for model in results.values()})) if results else {}
    return {job_id: found[model.id] for job_id, model in results.items()}


def merged_before(parent: Artifact) -> Artifact | None:
    """The newest result that carries this parent, merged."""
    on_it = select(JobInput.job_id).where(JobInput.artifact_id == parent.id, JobInput.role == Role.BASE)
    live = select(Artifact).where(col(Artifact.job_id).in_(on_it), col(Artifact.deleted_at).is_(None))
    with db.reading() as session:
        found = session.exec(live.order_by(col(Artifact.created_at).desc())).all()
    told = ((model, artifacts.model_facts(model)) for model in found)
    return next((model for model, facts in told if facts.continued == "merged" and facts.own_base), None)


def _whole(ids: Iterable[str]) -> Sequence[Artifact]:
    """These artifacts with all their columns; lists read names only."""
    with db.reading() as session:
        return session.exec(select(Artifact).where(col(Artifact.id).in_(list(ids)))).all()


def _step(model: Artifact, used: Inputs) -> ChainStep:
    told, data = artifacts.model_facts(model), used.dataset(Role.TRAINING)
    recipe = told.recipe if data else {}  # of a step that trained nothing, the recipe is that of the step before
    return ChainStep(
        name=model.name,
        objective=str(recipe.get("objective", "")),
        method=str(recipe.get("method", "")),
        data=deleted_names.original(data.name) if data else "",
        continued=told.continued,
        deleted=model.deleted_at is not None,
    )
