"""The gallery: the results of jobs, by owner. Files are immutable; rows can be renamed and annotated.

Deleting hides the row at once; its files are removed a day later, because a chat may still have them open.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import func
from sqlmodel import Session, col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from storage import db, job_inputs, model_names
from storage.gallery import artifact_lists
from storage.models import Artifact, BaseModelRow, User
from storage.settings import settings
from templates import registry
from templates.artifact_kind import ModelFacts
from templates.errors import BadInput, Conflict, NotFound, Problem, refuse
from templates.roles import Role

MAX_NOTE_CHARS = 10_000
OWN_BASE = "base"
"""Folder of an artifact for the base that is shipped with it."""


def get(user: User, name_or_id: str) -> Artifact:
    """The user's artifact. Raises `NotFound` for an unknown, deleted or other user's one."""
    query = _live(user).where((col(Artifact.name) == name_or_id) | (col(Artifact.id) == name_or_id))
    with db.reading() as session:
        found = session.exec(query).all()
    if not found:
        raise NotFound(f"There is no artifact “{name_or_id}”.", remedy="The gallery lists the names.")
    return next((artifact for artifact in found if artifact.id == name_or_id), found[0])


def of_user(user: User) -> Sequence[Artifact]:
    """The user's gallery, newest first."""
    with db.reading() as session:
        return session.exec(_live(user)).all()


def models_of(user: User) -> Sequence[Artifact]:
    """The models in the user's gallery, newest first."""
    return [artifact for artifact in of_user(user) if is_model(artifact)]


def is_model(artifact: Artifact) -> bool:
    """Whether you can chat with it, score it and adapt it; it then has `model_facts`, as reward models do."""
    return registry.artifact_kind(artifact.kind).answers


def gives_scores(artifact: Artifact) -> bool:
    """Whether it is a reward model, which has `model_facts` too, but writes no answers."""
    return registry.artifact_kind(artifact.kind).scores


def refuse_reward_model(artifact: Artifact) -> None:
    """Raise `BadInput` for a model that gives scores, where one is wanted that answers."""
    if gives_scores(artifact):
        raise BadInput(
            Problem(
                f"“{artifact.name}” is a reward model: it scores answers and can't write any.",
                remedy=f"Score answers with it: studio score --model {artifact.name}, or the page Score.",
            ),
            code="only_scores",
        )


def reward_model(user: User, name_or_id: str) -> Artifact:
    """The user's reward model. Raises `BadInput` for any other model of theirs, `NotFound` without one."""
    artifact = get(user, name_or_id)
    if not gives_scores(artifact):
        what = f"“{artifact.name}” gives no scores: it is no reward model."
        known = ", ".join(artifact_lists.reward_model_names(user))
        remedy = f"Known: {known}." if known else "Train one first: the objective “reward” makes it."
        raise BadInput(Problem(what, field="model", remedy=remedy), code="no_reward_model")
    return artifact


def model_facts(artifact: Artifact) -> ModelFacts:
    """A model's further facts, beyond those of every artifact."""
    return ModelFacts.model_validate(artifact.facts)


def instruction_of(model: BaseModelRow | Artifact) -> str:
    """The instruction that the model was trained with; "" for none, as for a base model."""
    return "" if isinstance(model, BaseModelRow) else str(model_facts(model).recipe.get("instruction", ""))


def base_of(artifact: Artifact) -> BaseModelRow:
    """The base model at the root of an adapted model's ancestry."""
    return bases_of([artifact])[artifact.id]


def bases_of(models: Sequence[Artifact]) -> dict[str, BaseModelRow]:
    """Like `base_of`, by artifact id."""
    found: dict[str, BaseModelRow] = {}
    open_ = {artifact.id: artifact for artifact in models}
    while open_:
        inputs = job_inputs.of_jobs({artifact.job_id for artifact in open_.values()})
        under = {key: inputs[artifact.job_id].model(Role.BASE) for key, artifact in open_.items()}
        found |= {key: model for key, model in under.items() if isinstance(model, BaseModelRow)}
        open_ = {key: model for key, model in under.items() if isinstance(model, Artifact)}
    return found


def own_weights(model: Artifact) -> Path | None:
    """The folder of the full weights among a model's own files; None for an adapter that goes on a base model."""
    if not registry.artifact_kind(model.kind).on_base:
        return folder(model)
    return folder(model) / OWN_BASE if model_facts(model).own_base else None


def _live(user: User) -> SelectOfScalar[Artifact]:
    mine = select(Artifact).where(Artifact.owner_id == user.id, col(Artifact.deleted_at).is_(None))
    return mine.order_by(col(Artifact.created_at).desc(), col(Artifact.id).desc())


def is_taken(session: Session, owner_id: str, name: str) -> bool:
    """Whether an artifact of the owner, or a base model, already has this name."""
    artifact = select(Artifact.id).where(
        Artifact.owner_id == owner_id, Artifact.name == name, col(Artifact.deleted_at).is_(None)
    )
    visible = or_(col(BaseModelRow.owner_id).is_(None), col(BaseModelRow.owner_id) == owner_id)
    base = select(BaseModelRow.id).where(BaseModelRow.name == name, visible)
    return session.exec(artifact).first() is not None or session.exec(base).first() is not None


def free_name(session: Session, owner_id: str, wanted: str) -> str:
    """`wanted`, or `wanted-2`, `wanted-3` … if it is taken.

    Locks the owner until the transaction ends, so two jobs that publish at once get two names.
    """
    session.exec(select(User.id).where(User.id == owner_id).with_for_update()).one()
    name, count = wanted, 1
    while is_taken(session, owner_id, name):
        count += 1
        name = f"{wanted}-{count}"
    return name


def rename(user: User, name_or_id: str, name: str) -> Artifact:
    """Give the artifact another name. Raises `BadInput` for an unusable name, `Conflict` for a taken one."""
    artifact, name = get(user, name_or_id), name.strip()
    refuse(model_names.flaw(name))
    taken = model_names.problems(user, name, but_artifact=artifact.id)
    if taken:
        raise Conflict(*taken, code="name_taken")
    with db.writing() as session:
        artifact.name = free_name(session, user.id, name) if name != artifact.name else name
        return session.merge(artifact)


def annotate(user: User, name_or_id: str, note: str) -> Artifact:
    """Replace the artifact's note."""
    if len(note) > MAX_NOTE_CHARS:
        raise BadInput(Problem(f"is longer than {MAX_NOTE_CHARS} characters.", field="note", remedy="Shorten it."))
    artifact = get(user, name_or_id)
    with db.writing() as session:
        artifact.note = note
        return session.merge(artifact)


def delete(user: User, name_or_id: str) -> None:
    """Take the artifact out of the gallery; its name is free again at once.

    Raises `Conflict` while a job that uses it has not ended.
    """
    artifact = get(user, name_or_id)
    with db.writing() as session:
        job_inputs.refuse_used(session, artifact)
        artifact.deleted_at = db.clock(session)
        session.merge(artifact)


def folder(artifact: Artifact) -> Path:
    """The folder with the artifact's files."""
    return settings().files / artifact.location


def total_bytes(user: User) -> int:
    """Size of the user's gallery in bytes."""
    with db.reading() as session:
        mine = select(func.coalesce(func.sum(Artifact.size_bytes), 0))
        return session.exec(mine.where(Artifact.owner_id == user.id, col(Artifact.deleted_at).is_(None))).one()
