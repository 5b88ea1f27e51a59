"""The form in which kinds of artifacts declare themselves: one file each in `templates/artifacts/`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict


class Facts(BaseModel):
    """Base of what only artifacts of one kind have, stored on the artifact."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelFacts(Facts):
    """What an adapted model has besides."""

    recipe: dict[str, Any]
    weights_sha256: str
    """Hash of the adapter's or model's weights: shown on every chat pane."""
    verdict: dict[str, Any]


@dataclass(frozen=True)
class ArtifactKind:
    """A kind of artifact."""

    title: str
    summary: str
    facts: type[Facts]
    answers: bool = False
    """A model that can be chatted with, scored and adapted; its facts are `ModelFacts`."""
    on_base: bool = False
    """Its weights go on top of those of its base, which must be at hand."""
    key: str = ""
    page: str = ""
