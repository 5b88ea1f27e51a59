"""The models of a blind comparison, known by their weights: a name can be given to other weights later."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from storage.bases import base_models
from storage.gallery import artifacts
from storage.gallery import strength as strengths
from storage.models import User
from templates import at_strength
from templates.at_strength import FULL, AtStrength
from templates.errors import BadInput, NotFound, Problem, Unavailable, refuse
from templates.quantities import plural

FEWEST, MOST = 2, 6
"""Models in one blind comparison."""
BASE = "base"
SHORT = 8
"""Characters of a key that tell two models of one name apart."""


class Contender(BaseModel):
    """A model as it answered: its name at that time, and the weights behind it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    kind: str
    """`base`, or the artifact's kind."""
    id: str
    """Of the base model or artifact."""
    base: str
    """Name of the base model at the root."""
    base_revision: str
    weights_sha256: str | None = None
    """Of the adapter or full model; None for a base model."""
    own_base: str = ""
    """Hash of the weights under the adapter, if they aren't the base model's."""
    strength: float = FULL

    @property
    def key(self) -> str:
        """The same for the same weights at the same strength, whatever they are called."""
        weights = (self.base_revision, self.own_base, self.weights_sha256 or "", f"{self.strength:g}")
        return hashlib.sha256("\n".join(weights).encode()).hexdigest()[:16]

    @property
    def said(self) -> str:
        """The model as `templates.at_strength` reads it."""
        return str(AtStrength(self.name, self.strength))

    @property
    def words(self) -> str:
        """The name for people."""
        return AtStrength(self.name, self.strength).words


def of(user: User, said: str) -> Contender:
    """The user's model that this text names (`templates.at_strength`).

    Raises `NotFound` for an unknown model and another user's, `BadInput` for a strength that it can't have.
    """
    name, strength = at_strength.read(said)
    try:
        artifact = artifacts.get(user, name)
    except NotFound:
        artifact = None  # it may be a base model
    if artifact is None or not artifacts.is_model(artifact):
        return _base(user, name, strength)
    if strength != FULL:
        strengths.require(artifact, artifacts.folder(artifact))
    facts, base = artifacts.model_facts(artifact), artifacts.base_of(artifact)
    return Contender(
        name=artifact.name,
        kind=artifact.kind,
        id=artifact.id,
        base=base.name,
        base_revision=base.revision,
        weights_sha256=facts.weights_sha256,
        own_base=facts.own_base,
        strength=strength,
    )


def _base(user: User, name: str, strength: float) -> Contender:
    try:
        row = base_models.get(user, name)
    except NotFound:
        remedy = "`studio models list` and the gallery show yours."
        raise NotFound(Problem(f"There is no model “{name[:80]}”.", field="model", remedy=remedy)) from None
    if strength != FULL:
        what = f"“{row.name}” is a base model, which has no strength."
        raise BadInput(Problem(what, field=at_strength.FIELD, remedy="Leave it out."))
    return Contender(name=row.name, kind=BASE, id=row.id, base=row.name, base_revision=row.revision)


def all_of(user: User, models: Sequence[str]) -> list[Contender]:
    """Two to six different models. Raises `BadInput`, and `NotFound` as `of` does."""
    if not FEWEST <= len(models) <= MOST:
        what = f"You chose {plural(len(models), 'model') if models else 'no model'}."
        raise BadInput(Problem(what, field="models", remedy=f"Choose {FEWEST} to {MOST}."))
    found = [of(user, said) for said in models]
    first: dict[str, Contender] = {}
    problems = []
    for one in found:
        other = first.setdefault(one.key, one)
        if other is not one:
            same = "is chosen twice" if other.said == one.said else f"has the same weights as “{other.words}”"
            problems.append(Problem(f"“{one.words}” {same}.", field="models", remedy="Choose different models."))
    refuse(problems)
    return found


def refuse_other(wanted: Contender, base_revision: str | None, weights_sha256: str | None) -> None:
    """Raise `Unavailable` if the chat server, which may not tell its weights, answered with other ones."""
    told = ((base_revision, wanted.own_base or wanted.base_revision), (weights_sha256, wanted.weights_sha256))
    if any(said is not None and said != known for said, known in told):
        raise Unavailable(
            f"The chat server used different weights from those of “{wanted.words}”.",
            code="other_weights",
            remedy="Ask again; if that doesn't help, restart the chat server.",
        )


def named_apart(contenders: Sequence[Contender]) -> dict[str, str]:
    """A name for each key; models of one name get a part of their key as well."""
    names = {one.key: one.words for one in contenders}
    twice = [name for name in names.values() if list(names.values()).count(name) > 1]
    return {key: f"{name} ({key[:SHORT]})" if name in twice else name for key, name in names.items()}
