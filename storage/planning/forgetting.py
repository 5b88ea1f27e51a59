"""How long it takes to measure what a training made its base forget: items of a suite, and the base's own prompts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from storage.bases import measurements
from storage.gallery import suites
from storage.settings import settings
from templates import registry

ANSWERS_AT_ONCE = 32
DECODE_LAYER_S = 0.0006
GROUPS = 4
"""Batches that are not full because answers may have different lengths."""
OWN_TOKENS, OWN_WRITTEN = 65, 44
"""Tokens of an own prompt with its answer, and those of them that the base writes one by one."""
OWN_PASSES = 3
"""Times that the base reads its own prompts; the result reads them once."""


@dataclass(frozen=True)
class Forgetting:
    """What base and result are asked after a training."""

    n_items: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0
    own_prompts: int = 0
    base_is_known: bool = False
    """An earlier job has measured the base already."""


NOTHING = Forgetting()


def planned(base_source: str, base_revision: str, method: str, *, on_result: bool = False) -> Forgetting:
    """What a training with this method on such a base, or `on_result` made of it, will measure."""
    items = suites.forgetting_items(method)
    if not items:
        return NOTHING
    suite = registry.suite(suites.of_base(base_source))
    return Forgetting(
        items * len(suite.abilities),
        suite.prompt_tokens,
        suite.answer_tokens,
        settings().own_prompts,
        not on_result and measurements.is_known(base_revision),
    )


def seconds(asked: Forgetting, n_layers: int, token_s: Callable[[float], float]) -> float:
    """The whole measurement; `token_s(length)` is the time of a token in a forward pass over rows of this length."""
    if not asked.n_items:
        return 0.0
    length = asked.prompt_tokens + asked.answer_tokens
    batches = GROUPS + math.ceil(asked.n_items / ANSWERS_AT_ONCE)
    items_s = batches * asked.answer_tokens * DECODE_LAYER_S * n_layers + asked.n_items * length * token_s(length)
    own_s = asked.own_prompts * OWN_TOKENS * token_s(OWN_TOKENS)
    written_s = math.ceil(asked.own_prompts / ANSWERS_AT_ONCE) * OWN_WRITTEN * DECODE_LAYER_S * n_layers
    base_s = 0.0 if asked.base_is_known else items_s + OWN_PASSES * own_s + written_s
    return base_s + items_s + own_s
