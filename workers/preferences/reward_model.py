"""A reward model as other programs use it: conversations in, one score for the last answer of each out.

The scores have no unit: only differences between answers to the same prompt mean something. A conversation is rendered
as in the training: with the base's chat template, and the instruction that the reward model was trained with.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from peft import PeftModel
from safetensors import safe_open
from transformers import PreTrainedModel

from storage.bases import checkpoint_headers
from storage.planning.reward_costs import TOKENS_AT_ONCE
from storage.rendering.renderer import Renderer
from templates.errors import BadInput, Problem, StudioError
from templates.spec import Quantization
from workers import models
from workers.evaluation.generation import Interrupted
from workers.preferences import score_heads
from workers.protocol import ModelRef

Conversation = Sequence[Mapping[str, Any]]
"""Turns in the form `{"role": …, "content": …}`; the last one is the answer to score."""
RECIPE = "recipe.toml"
NOISE, ROUNDINGS = 1e-4, 2
"""Scores are equal if they differ by no more than this, or by as many roundings in the model's numbers."""
MESSAGES = "messages"
"""The row shape of a conversation."""


def never() -> bool:
    """For work that nobody stops."""
    return False


def tied(one: ArrayLike, other: ArrayLike, dtype: torch.dtype = torch.float32) -> NDArray[np.bool_]:
    """Which scores, pair by pair, are too close to be told apart, by a model that computes in `dtype`.

    An answer's score changes by as much with the padding that it gets from its batch.
    """
    first, second = np.asarray(one, np.float64), np.asarray(other, np.float64)
    noise = ROUNDINGS * torch.finfo(dtype).eps * np.maximum(np.abs(first), np.abs(second))
    return np.asarray(np.abs(first - second) <= np.maximum(NOISE, noise))


class RewardModel:
    """Scores answers. The higher, the better the answer, as people judged the answers that it has learned from."""

    def __init__(self, model: PreTrainedModel, renderer: Renderer, context_length: int):
        """`model` has a score head and is in eval mode; `renderer` has the instruction of its training."""
        self.model, self.renderer, self.context_length = model.eval(), renderer, context_length
        self._pad_id = int(model.config.get_text_config().pad_token_id)

    @classmethod
    def load(cls, ref: ModelRef, where: torch.device | None = None, quantization: Quantization = "none") -> RewardModel:
        """Load a reward model. Raises `StudioError` for any other kind of model, `BadInput` without a tokenizer."""
        own = Path(ref.adapter_folder or ref.base_folder)
        if ref.adapter_folder:
            _require_head(own / "adapter_model.safetensors", ref.name)
            base = models.load_base(ref.base_folder, quantization, where, read=score_heads.load_new)
            model: PreTrainedModel = PeftModel.from_pretrained(base, ref.adapter_folder, is_trainable=False)
        else:
            model = models.load_base(ref.base_folder, quantization, where, read=score_heads.load)
        renderer = Renderer(Path(ref.base_folder)).instructed(_instruction(own))
        return cls(model, renderer, checkpoint_headers.context_length(Path(ref.base_folder)))

    @property
    def dtype(self) -> torch.dtype:
        """The coarsest numbers among its weights, in which it computes."""
        kinds = {one.dtype for one in self.model.parameters() if one.is_floating_point()}
        coarsest: torch.dtype = max(kinds, key=lambda kind: torch.finfo(kind).eps)
        return coarsest

    def scores(self, messages: Sequence[Conversation], stopped: Callable[[], bool] = never) -> list[float]:
        """The score of each conversation's last turn, which must be an assistant's.

        Raises `BadInput` naming the first conversation that can't be scored as a whole, by its place from 1;
        `Interrupted` once `stopped()` is true.
        """
        return self.scores_of_ids([self.ids(one, place) for place, one in enumerate(messages, 1)], stopped)

    def scores_of_ids(self, rows: Sequence[Sequence[int]], stopped: Callable[[], bool] = never) -> list[float]:
        """The same for rendered conversations."""
        found = [0.0] * len(rows)
        for places in _batches([len(row) for row in rows]):
            if stopped():
                raise Interrupted
            batch = score_heads.padded([rows[place] for place in places], self._pad_id)
            with torch.inference_mode():
                given = {name: tensor.to(self.model.device) for name, tensor in batch.items()}
                logits = self.model(**given, use_cache=False).logits
            for place, score in zip(places, logits[:, 0].float().tolist(), strict=True):
                found[place] = score
        return found

    def rendered(self, messages: Conversation, tools: Sequence[Mapping[str, Any]] = ()) -> Sequence[int]:
        """A conversation's tokens. Raises `BadInput` if the chat template refuses it."""
        row = {MESSAGES: [dict(turn) for turn in messages], "tools": [dict(tool) for tool in tools]}
        return self.renderer.row(MESSAGES, row).ids

    def ids(self, messages: Conversation, place: int = 1) -> Sequence[int]:
        """A conversation as the model reads it. Raises `BadInput` as `scores` does."""
        if not messages or messages[-1].get("role") != "assistant":
            what = f"Conversation {place} does not end with an answer."
            raise BadInput(Problem(what, field=MESSAGES, remedy="Let its last turn be the assistant's."))
        ids = self.rendered(messages)
        if len(ids) > self.context_length:
            what = f"Conversation {place} has {len(ids):,} tokens; the reward model reads {self.context_length:,}."
            raise BadInput(Problem(what, field=MESSAGES, remedy="Shorten the prompt or the answer."))
        return ids


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """The places of rows that go through the model together: of similar length, the longest first."""
    made: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lambda one: -lengths[one]):
        if made and (len(made[-1]) + 1) * lengths[made[-1][0]] <= TOKENS_AT_ONCE:
            made[-1].append(place)
        else:
            made.append([place])
    return made


def _require_head(file: Path, name: str) -> None:
    """Raises `StudioError` for an adapter that stores no score head: PEFT would leave a random one in its place."""
    with safe_open(str(file), "pt") as stored:
        if not any(key.endswith(score_heads.HEAD) for key in stored.keys()):  # noqa: SIM118  it is no dict
            raise StudioError(
                f"“{name}” is no reward model: it has no score head.",
                code="no_score_head",
                remedy="Choose a result of the objective “reward”.",
            )


def _instruction(folder: Path) -> str:
    """The instruction in the recipe beside the weights; "" without one."""
    file = folder / RECIPE
    return str(tomllib.loads(file.read_text("utf-8")).get("instruction", "")) if file.is_file() else ""
