"""What a reward model adds to the cost of a training: the time to read every answer once more, and its memory."""

from __future__ import annotations

from storage.planning import estimates, flop
from storage.planning.added_costs import with_costs
from storage.planning.estimates import Estimate
from storage.planning.machines import Machine
from storage.rendering.rendered_rows import LengthReport
from templates.quantities import size
from templates.recipe import Recipe
from templates.spec import BaseFacts

PART = "reward model"
TOKENS_AT_ONCE = 4096
"""Tokens that it reads together, padding included, unless one answer with its prompt has more."""
COPIES = 8
"""Activations of one layer that are in memory at once, as multiples of the hidden state."""


def priced(
    estimate: Estimate, reward: BaseFacts | None, recipe: Recipe, lengths: LengthReport, machine: Machine
) -> Estimate:
    """The estimate with the reward model's part, unchanged without one; `lengths` are `sampling_costs.as_written`."""
    if reward is None:
        return estimate
    training, stages = recipe.training(), dict(estimate.seconds_by_stage)
    mean = lengths.n_tokens / max(1, lengths.n_examples)
    plain = recipe.model_copy(update={"quantization": "none"})
    token_s = flop.flop_per_token(reward, plain, mean, forward_only=True) / machine.flop_per_s
    looks = 1 / training.eval_steps if training.eval_steps < 1 else estimate.steps / training.eval_steps
    n_seen = min(estimate.n_held_out, estimates.LOOKED_AT)
    stages["preparing"] += reward.weights_bytes / estimates.LOAD_BYTES_PER_S
    stages["training"] += (estimate.tokens + looks * n_seen * mean) * token_s
    stages["evaluating"] += 2 * estimate.n_answered * mean * token_s
    memory = {**estimate.memory_by_part, PART: _memory(reward, lengths, machine)}
    return with_costs(estimate, stages, memory, estimate.disk_bytes)


def sentence(name: str, estimate: Estimate) -> str:
    """What the reward model with this name does and takes."""
    takes = size(estimate.memory_by_part[PART])
    return f"The reward model “{name}” reads every answer; it stays in memory, where it takes ≈ {takes}"


def _memory(reward: BaseFacts, lengths: LengthReport, machine: Machine) -> int:
    width = 2 if machine.on_gpu else 4
    at_once = max(TOKENS_AT_ONCE, lengths.longest)
    return width * (reward.n_parameters + COPIES * at_once * max(reward.hidden_size, reward.intermediate_size))
