"""Answers that are one of a result's labels, with the probability of each."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch

from storage.gallery import artifacts, chains, label_sets
from storage.gallery.label_sets import LabelSet
from storage.models import User
from storage.rendering.renderer import Renderer
from templates import at_strength
from templates.errors import BadInput, Problem
from workers.classification import label_logprobs, label_tokens
from workers.classification.label_tokens import Endings
from workers.classification.probabilities import of_scores
from workers.serving.catalogue import Entry
from workers.serving.events import Broke, Ended, Event, Piece
from workers.serving.loaded import Loaded
from workers.serving.requests import ChatRequest

MOST_TOLD = 20
"""Labels whose probability is told, the likeliest first."""
log = logging.getLogger(__name__)
_tried: WeakKeyDictionary[Loaded, dict[str, bool]] = WeakKeyDictionary()
"""Which adapters of which model read labels as a tree."""


@dataclass(frozen=True)
class LabelChoice:
    """The labels that a model has to choose among."""

    of: str
    """The result whose labels they are."""
    labels: LabelSet
    is_own: bool
    """They are the model's own; another model has no threshold."""
    temperature: float
    strength: float
    """The share of the adapter's effect; the threshold was chosen for all of it."""

    @property
    def threshold(self) -> float | None:
        """Below this probability the answer is “don't know”; None if there is none for this model."""
        return self.labels.threshold if self.is_own and self.strength == at_strength.FULL else None

    def endings(self, renderer: Renderer) -> Endings:
        """The labels' tokens, for this model's tokenizer."""
        return self.labels.tokens if self.is_own else label_tokens.endings(renderer, self.labels.labels)


def wanted(user: User, entry: Entry, request: ChatRequest) -> LabelChoice | None:
    """The labels to choose among: those of the result that the request names, else the model's own.

    None: the model answers freely, as it does where the tokens' probabilities are asked for.
    """
    if request.labels_of == "" or (request.labels_of is None and (entry.artifact is None or request.logprobs)):
        return None
    artifact = artifacts.get(user, request.labels_of) if request.labels_of else entry.artifact
    labels = label_sets.of_artifact(artifact) if artifact else None
    if artifact is None or labels is None:
        if request.labels_of is None:
            return None
        what = f"“{request.labels_of}” does not choose among labels."
        raise BadInput(Problem(what, field="labels_of", remedy="Name a result of the objective classification."))
    if request.logprobs:
        raise BadInput(Problem("can't be told for answers that are labels.", field="logprobs", remedy="Leave it out."))
    is_own = entry.artifact is not None and entry.artifact.id == artifact.id
    is_before = not is_own and entry.name == chains.of(artifact).before
    temperature = labels.temperature if is_own else labels.base_temperature if is_before else 1.0
    return LabelChoice(artifact.name, labels, is_own, temperature, request.strength)


def answer(
    loaded: Loaded,
    prompt: list[int],
    adapter: str,
    choice: LabelChoice,
    endings: Endings,
    tell: Callable[[Event], None],
) -> None:
    """Tell the likeliest label and all probabilities. Runs in the thread that owns the model."""
    began = time.monotonic()
    try:
        found = _scored(loaded, prompt, adapter, choice.strength, endings)
    except Exception as error:  # as in decoding, a failure ends the answer but not the thread
        log.exception("scoring labels failed")
        tell(Broke(f"a {type(error).__name__} occurred"))
        return
    shares = of_scores(found[None], choice.temperature)[0]
    best = int(shares.argmax())
    tell(Piece(choice.labels.labels[best]))
    tell(Ended("stop", len(endings[best]), time.monotonic() - began, None, labels=_told(choice, shares)))


@torch.inference_mode()
def _scored(loaded: Loaded, prompt: list[int], adapter: str, strength: float, endings: Endings) -> Any:
    read, tried = loaded.reading(adapter, strength), _tried.setdefault(loaded, {})
    if adapter not in tried:
        tried[adapter] = label_logprobs.works(read, [prompt], endings, loaded.device)
    found = label_logprobs.by_label(read, [prompt], endings, loaded.device, in_tree=tried[adapter])
    return label_logprobs.refuse_not_numbers(found)[0]


def _told(choice: LabelChoice, shares: Any) -> dict[str, Any]:
    """The studio's extension of an answer."""
    order = np.argsort(-shares, kind="stable")[:MOST_TOLD].tolist()
    return {
        "of": choice.of,
        "n_labels": len(shares),
        "temperature": choice.temperature,
        "threshold": choice.threshold,
        "is_sure": None if choice.threshold is None else bool(shares.max() >= choice.threshold),
        "probabilities": [{"label": choice.labels.labels[at], "probability": float(shares[at])} for at in order],
    }
