"""Tries a new base model: a greedy answer to a greeting, and its loss on a paragraph of English."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy

from storage.bases import checkpoint_headers
from storage.bases.trials import ENGLISH, GREETING, OTHERS
from storage.rendering.renderer import Renderer
from templates.errors import BadInput, Problem
from workers import models
from workers.evaluation.generation import answers

MOST_TOKENS = 40


@dataclass(frozen=True)
class Trial:
    """The outcome; named as in `BaseFacts`."""

    greeting: str
    loss_on_english: float
    other_losses: tuple[tuple[str, float], ...]
    keeps_text: bool


def of(folder: Path, languages: Collection[str] = (), stopped: Callable[[], bool] = lambda: False) -> Trial | None:
    """Try the model in this folder, also in its other languages; None if it doesn't fit in this machine's memory.

    Raises `BadInput` if its numbers aren't finite, `Interrupted` once `stopped()`.
    """
    if not models.fits_plain(str(folder), models.device()):
        return None
    renderer = Renderer(folder)
    model = models.load_base(folder)
    longest = checkpoint_headers.context_length(folder)

    def loss(text: str) -> float:
        return round(_loss(model, renderer.plain(text)[0][:-1][:longest]), 4)

    on_english = loss(ENGLISH)
    on_others = tuple((code, loss(text)) for code, text in OTHERS.items() if code in languages)
    prompt = renderer.answer_prompt([{"role": "user", "content": GREETING}])
    (given,) = answers(model, [prompt], eos_ids=renderer.eos_ids, max_new_tokens=MOST_TOKENS, stopped=stopped)
    said = renderer.read(given.ids, reasoned=True).answer
    whole = renderer.plain(ENGLISH)[0]
    return Trial(said, on_english, on_others, renderer.decode(whole).strip() == ENGLISH)


@torch.inference_mode()
def _loss(model: torch.nn.Module, ids: list[int]) -> float:
    """The mean next-token loss in nats. Raises `BadInput` if it isn't finite."""
    given = torch.tensor([ids], device=next(model.parameters()).device)
    logits = model(input_ids=given).logits[0, :-1].float()
    loss = float(cross_entropy(logits, given[0, 1:]))
    if not bool(torch.isfinite(logits).all()):
        raise BadInput(
            Problem(
                "the model gives numbers that are not finite on plain English, so its weights are damaged.",
                remedy="Download its original files again, or choose another model.",
            ),
            code="not_finite",
        )
    return loss
