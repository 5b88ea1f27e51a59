"""Measures forgetting: compares base and result on the same small sample of the general suite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from storage.gallery import suites
from storage.rendering.renderer import Renderer
from workers.evaluation import suite, suite_verdict
from workers.evaluation.progress import WHOLE, Channel, Part, noting
from workers.evaluation.suite import SuiteScores
from workers.evaluation.suite_verdict import SuiteVerdict
from workers.orders.train import TrainingOrder

SUITE = "general"
SEED = 1
"""The sample's seed: every job gets the same items, so that jobs can be compared."""
ON = "general abilities"


class Forgotten(SuiteVerdict):
    """The result against its base on general abilities."""

    suite: str
    sha256: str
    """Hash of the sampled items."""
    n: int
    """Number of items that each of the two was asked."""
    remarks: tuple[str, ...] = ()
    """Counts of items that could not be asked, with reasons; they count as wrong."""


def measure(
    order: TrainingOrder,
    renderer: Renderer,
    context_length: int,
    base: Callable[[], AbstractContextManager[Any]],
    model: Any,
    channel: Channel,
    parts: Sequence[Part] = (WHOLE, WHOLE),
) -> Forgotten | None:
    """Score both models; None if the order asks for no items. `parts` are their places in the whole evaluation.

    Inside `base()` is the untouched base. Raises `Interrupted` once the worker wants no result.
    """
    if not order.forgetting_items:
        return None
    asked = suites.get(SUITE).sample(order.forgetting_items, SEED)

    def score(which: Any, name: str, part: Part) -> SuiteScores:
        return suite.score(
            which,
            renderer,
            asked,
            context_length=context_length,
            progress=noting(channel, name, ON, part=part),
            stopped=lambda: channel.abandoned,
        )

    with base() as untouched:
        of_base = score(untouched, order.base_name, parts[0])
    return judge(of_base, score(model, order.name, parts[1]))


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
