"""Lets a base model write prompts and answer them: what it says by itself, before any training changes it.

The prompts are sampled from where its chat template begins a user's text (Xu et al. 2024, “Magpie”, arXiv
2406.08464), or from the beginning of a text if it has no template. The answers are the first tokens of
its greedy ones. Made once per base, and kept (`storage.bases.measurements`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict

from storage.data.rows.comparable import normalised
from storage.data.rows.near import Sketches
from storage.rendering.renderer import Opening, Renderer
from templates.errors import BadInput
from workers import precision
from workers.evaluation.following import ROWS_AT_ONCE, Asked, Followed, follow
from workers.evaluation.generation import answers
from workers.evaluation.rounding import in_16_bits

SEED = 1
SAMPLING = {"temperature": 1.0, "top_k": 0, "top_p": 1.0}
"""The model's own distribution, nothing cut off."""
PROMPT_TOKENS = 32
"""A longer prompt is cut here: its beginning is a prompt as well."""
ANSWER_TOKENS = 12
NO_CHARACTER = "\ufffd"
"""Stands for half a character; at the end, the prompt was cut there."""
LEAST_CHARACTERS = 4
"""Letters and digits of a usable prompt."""
MOST_DRAWN = 4
"""Prompts drawn at most for each that is wanted."""
PASSES = 4
"""Times that every prompt counts in the progress: drawn, answered, and followed twice."""
SHORT, MARKUP, BROKEN = "too short", "with markup", "with broken characters"
REFUSED, TOO_LONG = "refused by the chat template", "too long"
REPEATED, NEAR, SILENT = "repeated", "nearly repeated", "without an answer"


class OwnPrompts(BaseModel):
    """Prompts that a base wrote, its answers, and how it follows them itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    of_user: bool
    """They are a user's texts; otherwise beginnings of any text, because the base has no chat template."""
    asked: tuple[Asked, ...]
    rounded: Followed
    """How the base follows its answers under `rounding`."""
    untouched: Followed
    rounding: str
    """What was different, in words."""
    n_drawn: int
    dropped: dict[str, int]
    """Unusable prompts by reason."""


def particulars(n: int) -> dict[str, Any]:
    """Everything besides the base on which `n` prompts depend."""
    return {"n": n, "seed": SEED, "sampling": SAMPLING, "prompt": PROMPT_TOKENS, "answer": ANSWER_TOKENS}


@dataclass(frozen=True)
class _Drawn:
    text: str
    prompt_ids: tuple[int, ...]


def written(
    model: Any,
    renderer: Renderer,
    n: int,
    *,
    context_length: int,
    progress: Callable[[int, int], None] = lambda _n, _of: None,
    stopped: Callable[[], bool] = lambda: False,
) -> OwnPrompts:
    """At most `n` prompts of the untouched base `model`; fewer if it repeats itself.

    `progress(n, of)` counts prompts in all passes. Raises `Interrupted` once `stopped()` is true.
    """
    opening, total, dropped = renderer.opening(), PASSES * n, Counter[str]()
    n_drawn, kept = _prompts(model, renderer, opening, n, context_length, dropped, stopped)
    progress(n, total)
    given = answers(
        model,
        [one.prompt_ids for one in kept],
        eos_ids=renderer.eos_ids,
        max_new_tokens=ANSWER_TOKENS,
        progress=lambda done: progress(n + done, total),
        stopped=stopped,
    )
    asked = tuple(
        Asked(prompt_ids=one.prompt_ids, answer_ids=answer.ids if answer.end is None else (*answer.ids, answer.end))
        for one, answer in zip(kept, given, strict=True)
        if answer.ids
    )
    dropped[SILENT] += len(kept) - len(asked)
    untouched = follow(model, asked, progress=lambda done: progress(2 * n + done, total), stopped=stopped)
    rounded, how = _rounded(model, asked, lambda done: progress(3 * n + done, total), stopped)
    return OwnPrompts(
        of_user=opening.of_user,
        asked=asked,
        untouched=untouched,
        rounded=rounded,
        rounding=how,
        n_drawn=n_drawn,
        dropped={reason: count for reason, count in dropped.items() if count},
    )


def _rounded(
    model: Any, asked: Sequence[Asked], progress: Callable[[int], None], stopped: Callable[[], bool]
) -> tuple[Followed, str]:
    """How the model follows its answers when only the arithmetic differs."""
    if precision.computes_in_16_bits(model):
        few = ROWS_AT_ONCE // 4
        return follow(model, asked, rows_at_once=few, progress=progress, stopped=stopped), "batches of another size"
    with in_16_bits(model):
        return follow(model, asked, progress=progress, stopped=stopped), "16 instead of 32 bits"


def _prompts(
    model: Any,
    renderer: Renderer,
    opening: Opening,
    n: int,
    context_length: int,
    dropped: Counter[str],
    stopped: Callable[[], bool],
) -> tuple[int, list[_Drawn]]:
    """How many prompts were drawn, and the usable ones; counts the others in `dropped`."""
    found: list[_Drawn] = []
    kept: list[_Drawn] = []
    n_drawn, device = 0, next(model.parameters()).device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(SEED)
        while len(kept) < n and n_drawn < MOST_DRAWN * n:
            drawn = answers(
                model,
                [opening.ids] * ROWS_AT_ONCE,
                eos_ids=opening.ends,
                max_new_tokens=PROMPT_TOKENS,
                sampling=SAMPLING,
                stopped=stopped,
            )
            n_drawn += len(drawn)
            usable = (_usable(renderer, opening, list(one.ids), context_length, dropped) for one in drawn)
            found += [one for one in usable if one is not None]
            kept = _different(found)[:n]
    different = _different(found)
    dropped[REPEATED] = len(found) - len({normalised(one.text) for one in found})
    dropped[NEAR] = len(found) - len(different) - dropped[REPEATED]
    return n_drawn, kept


def _usable(
    renderer: Renderer, opening: Opening, ids: list[int], context_length: int, dropped: Counter[str]
) -> _Drawn | None:
    """The prompt; None with a reason counted in `dropped` if it can't be used."""
    text = renderer.decode(ids).rstrip(NO_CHARACTER)
    prompt_ids = [*opening.ids, *ids]
    reason = ""
    if sum(map(str.isalnum, text)) < LEAST_CHARACTERS:
        reason = SHORT
    elif NO_CHARACTER in text:
        reason = BROKEN
    elif renderer.without_control_tokens(whole := renderer.decode_all(ids)) != whole:
        reason = MARKUP
    elif opening.of_user:
        try:
            prompt_ids = renderer.answer_prompt([{"role": "user", "content": text.strip()}])
        except BadInput:
            reason = REFUSED
    if not reason and len(prompt_ids) + ANSWER_TOKENS > context_length:
        reason = TOO_LONG
    if reason:
        dropped[reason] += 1
        return None
    return _Drawn(text, tuple(prompt_ids))


def _different(found: Sequence[_Drawn]) -> list[_Drawn]:
    """The first of all prompts that are equal or nearly equal."""
    texts = [normalised(one.text).replace("\n", " ") for one in found]
    first = {text: place for place, text in reversed(list(enumerate(texts)))}
    alone = sorted(first.values())
    near = Sketches([texts[place] for place in alone]).pairs([0] * len(alone)) if alone else []
    again = {max(pair) for pair in near}
    return [found[place] for number, place in enumerate(alone) if number not in again]
