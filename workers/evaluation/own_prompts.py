"""Lets a base model write prompts and answer them: what it says by itself, before any training changes it.

The answers are the first tokens of its greedy ones. Made once per base, and kept (`storage.bases.measurements`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from storage.planning import apart
from storage.rendering.renderer import Renderer
from templates import registry
from templates.errors import BadInput
from workers import precision
from workers.evaluation import drawn_prompts
from workers.evaluation.drawn_prompts import SAMPLING, Drawing
from workers.evaluation.following import ROWS_AT_ONCE, Asked, Followed, follow
from workers.evaluation.generation import answers
from workers.evaluation.rounding import in_16_bits

SEED = 1
PROMPT_TOKENS = 32
"""A longer prompt is cut here: its beginning is a prompt as well."""
ANSWER_TOKENS = 12
MOST_DRAWN = 4
"""Prompts drawn at most for each that is wanted."""
PASSES = 4
"""Times that every prompt counts in the progress: drawn, answered, and followed twice."""
SILENT, REPLAYED = "without an answer", "like a replayed one"


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

    def without(self, places: Sequence[int], reason: str) -> OwnPrompts:
        """Without the prompts at these places."""
        if not places:
            return self
        kept = [place for place in range(len(self.asked)) if place not in set(places)]
        return self.model_copy(
            update={
                "asked": tuple(self.asked[place] for place in kept),
                "rounded": self.rounded.only(kept),
                "untouched": self.untouched.only(kept),
                "dropped": {**self.dropped, reason: len(places)},
            }
        )


def particulars(n: int) -> dict[str, Any]:
    """Everything besides the base on which `n` prompts depend."""
    return {"n": n, "seed": SEED, "sampling": SAMPLING, "prompt": PROMPT_TOKENS, "answer": ANSWER_TOKENS}


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
    total, drawing = PASSES * n, drawing_of(model, renderer, context_length, stopped)
    kept, dropped = drawn_prompts.prompts(drawing, n, MOST_DRAWN * n), drawing.dropped
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
        of_user=drawing.opening.of_user,
        asked=asked,
        untouched=untouched,
        rounded=rounded,
        rounding=how,
        n_drawn=drawing.n_drawn,
        dropped={reason: count for reason, count in dropped.items() if count},
    )


def not_replayed(prompts: OwnPrompts, replayed: Sequence[str], renderer: Renderer) -> OwnPrompts:
    """Without those that are the same as a replayed prompt, or nearly: what was learned says nothing about the rest."""
    asked = [{"text": renderer.decode(one.prompt_ids)} for one in prompts.asked]
    return prompts.without(apart.places("text", asked, apart.of_prompts(replayed)), REPLAYED)


def as_read(renderer: Renderer, shape: str, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The prompts of these rows as the model reads them; of plain texts the beginnings."""
    messages, found = registry.shape(shape).messages, []
    for row in rows:
        try:
            if messages is None:
                ids = renderer.plain(row["text"])[0][:PROMPT_TOKENS]
            else:
                ids = renderer.answer_prompt(messages(row)[:-1])
        except BadInput:  # the training refused it as well, and has counted it
            continue
        found.append(renderer.decode(ids))
    return found


def drawing_of(
    model: Any, renderer: Renderer, context_length: int, stopped: Callable[[], bool] = lambda: False
) -> Drawing:
    """How these prompts are drawn from the untouched base."""
    return Drawing(model, renderer, SEED, PROMPT_TOKENS, ANSWER_TOKENS, context_length, stopped=stopped)


def _rounded(
    model: Any, asked: Sequence[Asked], progress: Callable[[int], None], stopped: Callable[[], bool]
) -> tuple[Followed, str]:
    """How the model follows its answers when only the arithmetic differs."""
    if precision.computes_in_16_bits(model):
        few = ROWS_AT_ONCE // 4
        return follow(model, asked, rows_at_once=few, progress=progress, stopped=stopped), "batches of another size"
    with in_16_bits(model):
        return follow(model, asked, progress=progress, stopped=stopped), "16 instead of 32 bits"
