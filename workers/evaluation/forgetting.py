"""Measures forgetting: compares base and result on a small sample of a suite, and on the base's own words.

What the base says is measured once and kept for later jobs on it.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from storage.gallery import suites
from storage.gallery.suites import Suite
from storage.rendering.renderer import Renderer
from storage.runs.bootstrap import Pair
from templates import registry
from workers import models, precision
from workers.evaluation import own_prompts, own_words, suite, suite_verdict
from workers.evaluation.following import follow
from workers.evaluation.kept import Kept
from workers.evaluation.own_prompts import OwnPrompts
from workers.evaluation.own_words import OwnWords
from workers.evaluation.progress import WHOLE, Channel, Part, noting, parts_of
from workers.evaluation.suite import SuiteScores
from workers.evaluation.suite_verdict import SuiteVerdict
from workers.orders.train import TrainingOrder

ON, ON_OWN = "general abilities", "the base's own prompts"


class AgainstRoot(BaseModel):
    """The base model at the root of a chain on the same items as the result and what that goes on from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    lost: Pair
    """What the result goes on from against the root."""
    left: Pair
    """The result against the root."""


class Forgotten(SuiteVerdict):
    """The result against its base on general abilities, and on the base's own words."""

    suite: str
    sha256: str
    """Hash of the sampled items."""
    n: int
    """Number of items that each of the two was asked."""
    remarks: tuple[str, ...] = ()
    """Counts of items that could not be asked, with reasons; they count as wrong."""
    own: OwnWords | None = None
    """None if it was not measured."""
    root: AgainstRoot | None = None
    """Present if the job was to bring back what was lost; the own words are then those of the root."""


class KeptScores(BaseModel):
    """The scores of a base on a suite, to be kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    right: dict[str, dict[str, list[bool]]]
    n_too_long: int
    n_refused: int
    n_cut_off: int

    @classmethod
    def of(cls, scores: SuiteScores) -> KeptScores:
        """The scores without their suite."""
        right = {
            score: {phrasing: list(map(bool, one)) for phrasing, one in phrasings.items()}
            for score, phrasings in scores.right.items()
        }
        return cls(right=right, n_too_long=scores.n_too_long, n_refused=scores.n_refused, n_cut_off=scores.n_cut_off)

    def on(self, asked: Suite) -> SuiteScores:
        """The scores again."""
        right = {
            score: {phrasing: np.array(one, dtype=np.bool_) for phrasing, one in phrasings.items()}
            for score, phrasings in self.right.items()
        }
        return SuiteScores(asked, right, self.n_too_long, self.n_refused, self.n_cut_off)


@dataclass(frozen=True)
class _Measuring:
    """The measurement of one training's base and result."""

    order: TrainingOrder
    renderer: Renderer
    context_length: int
    channel: Channel
    asked: Suite
    kept: Kept
    against: str
    """The name of the base."""
    own_prompts: int
    """Prompts that the base writes itself; 0: none."""

    def parts(self, part: Part) -> list[Part]:
        """The places of own prompts and items in the scoring of one model."""
        return parts_of(part, [self.own_prompts, len(self.asked.items)])

    def of_base(
        self, base: Callable[[], AbstractContextManager[Any]], part: Part
    ) -> tuple[OwnPrompts | None, SuiteScores]:
        """Its own prompts (None if none are wanted) and its scores; loads it only for what is not known yet."""
        wanted = self.own_prompts
        prompts = self.kept.read(OwnPrompts, **own_prompts.particulars(wanted)) if wanted else None
        known = self.kept.read(KeptScores, items=self.asked.sha256)
        if known is not None and (prompts is not None or not wanted):
            return prompts, known.on(self.asked)
        own_part, part = self.parts(part)
        with base() as untouched:
            if wanted and prompts is None:
                prompts = self._written(untouched, own_part)
                self.kept.write(prompts, **own_prompts.particulars(wanted))
            scores = known.on(self.asked) if known else self.score(untouched, self.against, part)
            self.kept.write(KeptScores.of(scores), items=self.asked.sha256)
        return prompts, scores

    def _written(self, untouched: Any, part: Part) -> OwnPrompts:
        return own_prompts.written(
            untouched,
            self.renderer,
            self.own_prompts,
            context_length=self.context_length,
            progress=noting(self.channel, self.against, ON_OWN, part=part),
            stopped=lambda: self.channel.abandoned,
        )

    def score(self, model: Any, name: str, part: Part) -> SuiteScores:
        """A model's scores on the suite."""
        return suite.score(
            model,
            self.renderer,
            self.asked,
            context_length=self.context_length,
            progress=noting(self.channel, name, ON, part=part),
            stopped=lambda: self.channel.abandoned,
        )

    def own_words(self, prompts: OwnPrompts, model: Any, part: Part, root: str) -> OwnWords | None:
        """What the result changed; None if the base wrote too few prompts."""
        said, n = noting(self.channel, self.order.name, ON_OWN, part=part), len(prompts.asked)
        followed = follow(
            model, prompts.asked, progress=lambda done: said(done, n), stopped=lambda: self.channel.abandoned
        )
        return own_words.judge(prompts, followed, root)


Model = Callable[[], AbstractContextManager[Any]]
"""Inside, a model is loaded."""


HABIT = (
    "Answers are compared word for word. Preferences change a habit of every answer, so a right answer in the new "
    "habit, with another opening for example, counts as lost here: look at some of them."
)


def measure(
    order: TrainingOrder,
    renderer: Renderer,
    context_length: int,
    base: Model,
    model: Any,
    channel: Channel,
    parts: Sequence[Part] = (WHOLE, WHOLE, WHOLE),
    replayed: Sequence[str] = (),
    root: Model | None = None,
) -> Forgotten | None:
    """Score both models; None if the order asks for no items. `parts` are their places in the whole evaluation.

    Own prompts that are like the `replayed` ones are left out: what was learned says nothing about the rest. Inside
    `base()` is the untouched base; inside `root()`, if given, the base model at the root, whose own prompts then count.
    Raises `Interrupted` once the worker wants no result.
    """
    if not order.forgetting_items:
        return None
    # the places are those of the base, of the root if there is one, and of the model
    asked, n_own = suites.asked_of(order.forgetting_suite, order.forgetting_items), order.own_prompts
    kept = _kept(order, renderer, model, of_root=False)
    args = order, renderer, context_length, channel, asked
    measuring = _Measuring(*args, kept, order.against, 0 if root else n_own)
    prompts, of_base = measuring.of_base(base, parts[0])
    of_root = None
    if root:
        rooted = _Measuring(*args, _kept(order, renderer, model, of_root=True), order.base_name, n_own)
        prompts, of_root = rooted.of_base(root, parts[1])
    prompts = prompts and own_prompts.not_replayed(prompts, replayed, renderer)
    own_part, part = parts_of(parts[-1], [n_own, len(asked.items)])
    own = measuring.own_words(prompts, model, own_part, order.base_name if root else "") if prompts else None
    of_model = measuring.score(model, order.name, part)
    found = judge(of_base, of_model)
    remarks = found.remarks if own or not prompts else (*found.remarks, own_words.too_few(prompts))
    if registry.objective(order.recipe.objective).learns_judgements:
        remarks = (*remarks, HABIT)
    beside = of_root and AgainstRoot(
        name=order.base_name,
        lost=suite_verdict.judge(of_root, of_base).mean,
        left=suite_verdict.judge(of_root, of_model).mean,
    )
    return found.model_copy(update={"own": own, "remarks": remarks, "root": beside})


def _kept(order: TrainingOrder, renderer: Renderer, model: Any, *, of_root: bool) -> Kept:
    # what a training goes on from is the base of this job alone
    folder = order.measurements if of_root or not order.continued else ""
    weights = order.continued.root.weights_sha256 if of_root and order.continued else order.base.weights_sha256
    return kept(folder, weights, order.recipe.quantization, renderer, model)


def kept(folder: str, weights_sha256: str | None, quantization: str, renderer: Renderer, model: Any) -> Kept:
    """The base's measurements: they hold for this studio, these weights, this template and this arithmetic.

    Nothing is kept without a `folder`. `model` is the base, with or without an adapter on it.
    """
    return Kept(
        Path(folder) if folder else None,
        {
            "studio": importlib.metadata.version("adaptation-studio"),
            "weights": weights_sha256,
            "template": renderer.template_sha256,
            "dtype": "torch.bfloat16" if precision.computes_in_16_bits(model) else str(model.dtype),
            "device": model.device.type,
            "quantization": quantization if models.is_quantized(model) else "none",
        },
    )


def judge(base: SuiteScores, adapted: SuiteScores) -> Forgotten:
    """Compare two models on the same items."""
    compared = suite_verdict.judge(base, adapted)
    return Forgotten(
        **dict(compared),
        suite=base.suite.name,
        sha256=base.suite.sha256,
        n=len(base.suite.items),
        remarks=tuple(_remarks(adapted)),
    )


def _remarks(scores: SuiteScores) -> list[str]:
    # Base and result share context and chat template, so the same items fail for both.
    said = []
    if scores.n_too_long:
        said.append(f"{scores.n_too_long:,} items on general abilities are longer than the context and count as wrong.")
    if scores.n_refused:
        said.append(f"The chat template refused {scores.n_refused:,} items on general abilities; they count as wrong.")
    return said
