"""Lets a model with a chat template write a user's texts, or any model the beginnings of texts.

They are sampled from where the template begins a user's text (Xu et al. 2024, “Magpie”, arXiv 2406.08464), or from the
beginning of a text if there is no template.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from storage.data.rows.comparable import normalised
from storage.data.rows.near import Sketches
from storage.rendering.renderer import Opening, Renderer
from templates.errors import BadInput
from workers.evaluation.following import ROWS_AT_ONCE
from workers.evaluation.generation import answers

SAMPLING = {"temperature": 1.0, "top_k": 0, "top_p": 1.0}
"""The model's own distribution, nothing cut off."""
NO_CHARACTER = "\ufffd"
"""Stands for half a character; at the end, the prompt was cut there."""
LEAST_CHARACTERS = 4
"""Letters and digits of a usable prompt."""
SHORT, MARKUP, BROKEN = "too short", "with markup", "with broken characters"
REFUSED, TOO_LONG, ENDLESS = "refused by the chat template", "too long", "without an end"
REPEATED, NEAR = "repeated", "nearly repeated"


@dataclass(frozen=True)
class Drawn:
    """A prompt that a model wrote."""

    text: str
    prompt_ids: tuple[int, ...]


@dataclass
class Drawing:
    """How one model writes prompts."""

    model: Any
    renderer: Renderer
    seed: int
    prompt_tokens: int
    """A longer prompt is cut here: its beginning is a prompt as well."""
    answer_tokens: int
    """Room that the context must leave for an answer."""
    context_length: int
    whole: bool = False
    """Drop prompts that were cut."""
    stopped: Callable[[], bool] = lambda: False
    n_drawn: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    """Unusable prompts by reason."""

    @property
    def opening(self) -> Opening:
        """Where it begins."""
        return self.renderer.opening()

    def groups(self, most: int) -> Iterator[list[Drawn]]:
        """Usable prompts, some at once, until `most` were drawn. Raises `Interrupted` once `stopped()` is true."""
        opening, device = self.opening, next(self.model.parameters()).device
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(self.seed)
            while self.n_drawn < most:
                drawn = answers(
                    self.model,
                    [opening.ids] * ROWS_AT_ONCE,
                    eos_ids=opening.ends,
                    max_new_tokens=self.prompt_tokens,
                    sampling=SAMPLING,
                    stopped=self.stopped,
                )
                self.n_drawn += len(drawn)
                usable = (self._usable(opening, list(one.ids), ended=one.ended) for one in drawn)
                yield [one for one in usable if one is not None]

    def _usable(self, opening: Opening, ids: list[int], *, ended: bool) -> Drawn | None:
        """The prompt; None with a reason counted in `dropped` if it can't be used."""
        renderer = self.renderer
        text = renderer.decode(ids).rstrip(NO_CHARACTER)
        prompt_ids = [*opening.ids, *ids]
        reason = ""
        if self.whole and not ended:
            reason = ENDLESS
        elif sum(map(str.isalnum, text)) < LEAST_CHARACTERS:
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
        if not reason and len(prompt_ids) + self.answer_tokens > self.context_length:
            reason = TOO_LONG
        if reason:
            self.dropped[reason] += 1
            return None
        return Drawn(text, tuple(prompt_ids))


def prompts(drawing: Drawing, n: int, most: int) -> list[Drawn]:
    """At most `n` different prompts, out of at most `most` drawn ones; counts the others."""
    found: list[Drawn] = []
    for group in drawing.groups(most):
        found += group
        if len(different(found)) >= n:
            break
    unlike = different(found)
    drawing.dropped[REPEATED] = len(found) - len({normalised(one.text) for one in found})
    drawing.dropped[NEAR] = len(found) - len(unlike) - drawing.dropped[REPEATED]
    return unlike[:n]


def different(found: Sequence[Drawn]) -> list[Drawn]:
    """The first of all prompts that are equal or nearly equal."""
    texts = [normalised(one.text).replace("\n", " ") for one in found]
    first = {text: place for place, text in reversed(list(enumerate(texts)))}
    alone = sorted(first.values())
    near = Sketches([texts[place] for place in alone]).pairs([0] * len(alone)) if alone else []
    again = {max(pair) for pair in near}
    return [found[place] for number, place in enumerate(alone) if number not in again]
