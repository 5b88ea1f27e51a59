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
from storage.planning import apart
from storage.rendering.renderer import Renderer
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

    def parts(self, part: Part) -> list[Part]:
        """The places of own prompts and items in the scoring of one model."""
        return parts_of(part, [self.order.own_prompts, len(self.asked.items)])

    def of_base(
        self, base: Callable[[], AbstractContextManager[Any]], part: Part
    ) -> tuple[OwnPrompts | None, SuiteScores]:
        """Its own prompts (None if none are wanted) and its scores; loads it only for what is not known yet."""
        wanted = self.order.own_prompts
        prompts = self.kept.read(OwnPrompts, **own_prompts.particulars(wanted)) if wanted else None
        known = self.kept.read(KeptScores, items=self.asked.sha256)
        if known is not None and (prompts is not None or not wanted):
            return prompts, known.on(self.asked)
        own_part, part = self.parts(part)
        with base() as untouched:
            if wanted and prompts is None:
                prompts = self._written(untouched, own_part)
                self.kept.write(prompts, **own_prompts.particulars(wanted))
            scores = known.on(self.asked) if known else self.score(untouched, self.order.against, part)
            self.kept.write(KeptScores.of(scores), items=self.asked.sha256)
        return prompts, scores

    def _written(self, untouched: Any, part: Part) -> OwnPrompts:
        return own_prompts.written(
            untouched,
            self.renderer,
            self.order.own_prompts,
            context_length=self.context_length,
            progress=noting(self.channel, self.order.against, ON_OWN, part=part),
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

    def own_words(self, prompts: OwnPrompts, model: Any, part: Part) -> OwnWords | None:
        """What the result changed; None if the base wrote too few prompts."""
        said, n = noting(self.channel, self.order.name, ON_OWN, part=part), len(prompts.asked)
        followed = follow(
            model, prompts.asked, progress=lambda done: said(done, n), stopped=lambda: self.channel.abandoned
        )
        return own_words.judge(prompts, followed)


HABIT = (
    "Answers are compared word for word. Preferences change a habit of every answer, so a right answer in the new "
    "habit, with another opening for example, counts as lost here: read some before you worry."
)


def measure(
    order: TrainingOrder,
    renderer: Renderer,
    context_length: int,
    base: Callable[[], AbstractContextManager[Any]],
    model: Any,
    channel: Channel,
    parts: Sequence[Part] = (WHOLE, WHOLE),
    replayed: Sequence[str] = (),
) -> Forgotten | None:
    """Score both models; None if the order asks for no items. `parts` are their places in the whole evaluation.

    Own prompts that are like the `replayed` ones are left out: what was learned says nothing about the rest. Inside
    `base()` is the untouched base. Raises `Interrupted` once the worker wants no result.
    """
    if not order.forgetting_items:
        return None
    asked = suites.asked_of(order.forgetting_suite, order.forgetting_items)
    measuring = _Measuring(order, renderer, context_length, channel, asked, _kept(order, renderer, model))
    prompts, of_base = measuring.of_base(base, parts[0])
    prompts = prompts and prompts.without(_like(prompts, replayed, renderer), own_prompts.REPLAYED)
    own_part, part = measuring.parts(parts[1])
    own = measuring.own_words(prompts, model, own_part) if prompts else None
    found = judge(of_base, measuring.score(model, order.name, part))
    remarks = found.remarks if own or not prompts else (*found.remarks, own_words.too_few(prompts))
    if registry.objective(order.recipe.objective).learns_judgements:
        remarks = (*remarks, HABIT)
    return found.model_copy(update={"own": own, "remarks": remarks})


def _like(prompts: OwnPrompts, replayed: Sequence[str], renderer: Renderer) -> list[int]:
    """The places of own prompts that are the same as a replayed one, or nearly."""
    asked = [{"text": renderer.decode(one.prompt_ids)} for one in prompts.asked]
    return apart.places("text", asked, apart.of_prompts(replayed))


def _kept(order: TrainingOrder, renderer: Renderer, model: Any) -> Kept:
    """The base's measurements: they hold for this studio, these weights, this template and this arithmetic."""
    # what a training goes on from is the base of this job alone
    folder = Path(order.measurements) if order.measurements and not order.continued else None
    return Kept(
        folder,
        {
            "studio": importlib.metadata.version("adaptation-studio"),
            "weights": order.base.weights_sha256,
            "template": renderer.template_sha256,
            "dtype": "torch.bfloat16" if precision.computes_in_16_bits(model) else str(model.dtype),
            "device": model.device.type,
            "quantization": order.recipe.quantization if models.is_quantized(model) else "none",
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
