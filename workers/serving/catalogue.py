"""The models that a user may chat with, and what each needs in memory. Loads nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from storage.bases import base_models
from storage.gallery import artifacts
from storage.gallery import strength as strengths
from storage.models import Artifact, BaseModelRow, User
from templates import at_strength, registry
from templates.errors import BadInput, NotFound, Problem
from templates.spec import BaseFacts, Method


@dataclass(frozen=True)
class Entry:
    """A model for chat: a base model, or an artifact on one."""

    row: BaseModelRow
    artifact: Artifact | None = None

    @property
    def name(self) -> str:
        """The name that the user gave it."""
        return self.artifact.name if self.artifact else self.row.name

    @property
    def kind(self) -> str:
        """`base`, or the artifact's kind."""
        return self.artifact.kind if self.artifact else "base"

    @property
    def created_at(self) -> float:
        """Time of creation, in seconds since 1970."""
        return self.artifact.created_at if self.artifact else self.row.created_at

    @cached_property
    def facts(self) -> BaseFacts:
        """Sizes; an artifact's are its base's."""
        return base_models.facts(self.row)

    @property
    def adapter(self) -> str | None:
        """The artifact's id, if it goes on top of its base's weights."""
        on_base = self.artifact is not None and registry.artifact_kind(self.artifact.kind).on_base
        return self.artifact.id if self.artifact and on_base else None

    @property
    def adapter_folder(self) -> Path:
        """Folder of the adapter's files."""
        if self.artifact is None:
            raise TypeError("a base model has no adapter")
        return artifacts.folder(self.artifact)

    @property
    def resident(self) -> str:
        """Key of the weights in memory: entries with the same key share one copy."""
        if self.artifact is None:
            return f"base-{self.row.id}"
        how = self._method
        if how and not how.moves_base(self._adapter_config):
            own = artifacts.model_facts(self.artifact).own_base
            shared = f"weights-{own}" if own else f"base-{self.row.id}"
            # PEFT puts adapters of one type on a model; LoRA's share it with the base, and virtual tokens need no layer
            is_alone = not how.exports_as_lora and not how.virtual_tokens(how.params())
            return f"{shared}-{how.peft_type}" if is_alone else shared
        return f"artifact-{self.artifact.id}"

    @property
    def has_own_copy(self) -> bool:
        """Whether no other entry shares its weights in memory."""
        return self.resident.startswith("artifact-")

    @property
    def weights_folder(self) -> Path:
        """Folder of the weights (below the adapter, if any), with tokenizer and chat template.

        Raises `StudioError` if a base model's files are gone.
        """
        own = artifacts.own_weights(self.artifact) if self.artifact else None
        return own or base_models.folder(self.row)

    @property
    def owns_weights(self) -> bool:
        """Whether its full weights are among the artifact's own files."""
        return self.artifact is not None and artifacts.own_weights(self.artifact) is not None

    @property
    def mixes(self) -> bool:
        """Whether its method honours PEFT's `adapter_names`, which allow several adapters in one batch.

        For most methods PEFT silently ignores these names.
        """
        return self._method is not None and self._method.mixes(self._adapter_config)

    def require_strength(self, strength: float) -> None:
        """Raise `BadInput` for less than full strength if the model has none."""
        if strength == at_strength.FULL:
            return
        if self.artifact is None:
            what = f"“{self.name}” is a base model, which has no strength."
            raise BadInput(Problem(what, field=at_strength.FIELD, remedy="Leave it out."))
        strengths.require(self.artifact, artifacts.folder(self.artifact))

    @property
    def has_strength(self) -> bool:
        """Whether it can answer at less than its full strength."""
        return self.artifact is not None and strengths.has_strength(self.artifact, artifacts.folder(self.artifact))

    @property
    def _method(self) -> Method | None:
        """The adapter's method; None without an adapter."""
        if self.artifact is None or not self.adapter:
            return None
        return registry.method(artifacts.model_facts(self.artifact).recipe["method"])

    @cached_property
    def _adapter_config(self) -> dict[str, Any]:
        """The adapter's config; empty if the file is missing, which loading reports later."""
        path = artifacts.folder(self.artifact) / "adapter_config.json" if self.artifact else None
        config = json.loads(path.read_bytes()) if path and path.is_file() else {}
        return config if isinstance(config, dict) else {}


def find(user: User, name: str) -> Entry:
    """The user's model with this name or id. Raises `NotFound`, `BadInput` for one that only gives scores."""
    try:
        artifact = artifacts.get(user, name)
    except NotFound:
        artifact = None  # it may be a base model
    if artifact is not None:
        artifacts.refuse_reward_model(artifact)
        if artifacts.is_model(artifact):
            return Entry(artifacts.base_of(artifact), artifact)
    try:
        return Entry(base_models.get(user, name))
    except NotFound:
        known = ", ".join(entry.name for entry in of_user(user))
        raise NotFound(f"There is no model “{name}”.", code="model_not_found", remedy=f"Known: {known}.") from None


def of_user(user: User) -> Sequence[Entry]:
    """All models that the user may chat with: base models, then artifacts."""
    bases = [Entry(row) for row in base_models.of_user(user)]
    models = artifacts.models_of(user)
    under = artifacts.bases_of(models)
    return bases + [Entry(under[artifact.id], artifact) for artifact in models]
