"""Declares kinds of artifacts: one file each in `templates/artifacts/`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict


class Facts(BaseModel):
    """Base class for facts that only one kind of artifact has; stored on the artifact."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelFacts(Facts):
    """Further facts about an adapted model."""

    recipe: dict[str, Any]
    weights_sha256: str
    """Hash of the adapter's or model's weights: shown on every chat pane."""
    verdict: dict[str, Any]
    continued: str = ""
    """The `templates.continuation.Way` in which its training went on from another result; empty: from a base model."""
    own_base: str = ""
    """Hash of the weights under an adapter that has them in its own folder `base/`; empty: it goes on a base model."""


@dataclass(frozen=True)
class ArtifactKind:
    """A kind of artifact."""

    title: str
    summary: str
    facts: type[Facts]
    answers: bool = False
    """A model that can be chatted with, scored and adapted; its facts are `ModelFacts`."""
    scores: bool = False
    """A model that gives answers a score, and writes none; its facts are `ModelFacts`."""
    texts: tuple[str, str] = ("adapter.md.jinja", "use_me.py.jinja")
    """Templates of a model's card and script, in `templates/cards/`."""
    on_base: bool = False
    """Its weights go on top of its base's weights, so the base must be available."""
    key: str = ""
    page: str = ""
