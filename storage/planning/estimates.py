"""Estimates a training job's memory, time and disk from the base's shape and this machine's speed.

`flop` counts the operations. Memory follows the accounting of
Dettmers et al. 2023 (arXiv 2305.14314). All of it is an estimate: pages mark it “≈” and show the
actual value beside it afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from storage.data import splits
from storage.planning import forgetting
from storage.planning.detectable import Detectable
from storage.planning.flop import flop_per_token, kept_per_token
from storage.planning.forgetting import ANSWERS_AT_ONCE, DECODE_LAYER_S, NOTHING, Forgetting
from storage.planning.machines import Machine, Pace
from storage.rendering.rendered_rows import LengthReport
from storage.settings import settings
from templates import registry
from templates.recipe import Recipe
from templates.spec import BaseFacts

LINEAR_BYTES: Mapping[str, float] = {"int8": 1.05, "nf4": 0.52}
"""Bytes per parameter of a quantized projection, including its scales."""
TRAINED_BYTES = 16
"""Bytes per trained parameter: weight, gradient and Adam's two averages in 32 bits."""
OPTIMISER_BYTES = 8
"""Of them, Adam's averages, which a checkpoint holds besides the weights."""
CHECKPOINTS = 3
"""Two checkpoints are kept while the next is written."""
LOGIT_COPIES = 3
"""The logits, their softmax and their gradient."""
CPU_HEAP, GPU_HEAP = 2.2, 1.2
"""Factor from kept bytes to the peak of a step, for temporary tensors and fragmentation. Measured on a CPU."""
PROCESS_BYTES = 600_000_000
STARTUP_S = 3.0
LOAD_BYTES_PER_S = 500_000_000
PADDING = 1.1
"""Batches hold rows of about the same length."""
ANSWER_SPREAD = 4
"""Longest answer divided by mean answer, in tokens."""
STEP_S = 0.02
"""Seconds per step, whatever the model's size: collating, logging, the optimiser's loop."""
LOOKED_AT = 64
"""Held-out prompts that are answered for a point of the live chart, where answers are rewarded."""
ROOM = 0.95
"""Share of the free memory or disk that a job may plan to use."""


class Fix(BaseModel):
    """A change that would make the job fit or shorter; a page offers it as one click."""

    model_config = ConfigDict(frozen=True)

    text: str
    settings: dict[str, int | float | bool | str]
    """Settings to override in the plan; includes `quantization` if it changes."""
    method: str | None = None
    """The method to choose instead; None: keep the method."""
    base: str | None = None
    """The base model to choose instead; None: keep the base."""


class Estimate(BaseModel):
    """The preflight card's numbers, and how reliable they are."""

    model_config = ConfigDict(frozen=True)

    seconds: float
    seconds_low: float
    seconds_high: float
    seconds_by_stage: dict[str, float]
    memory_bytes: int
    memory_by_part: dict[str, int]
    memory_free_bytes: int
    disk_bytes: int
    disk_free_bytes: int
    result_bytes: int
    """The adapter's or model's weights."""
    published_bytes: int = 0
    """Everything that is published, as the gallery counts it: weights, tokenizer, and the base if it is shipped."""
    steps: int
    """Number of weight updates."""
    tokens: int
    """Tokens that go through the model in training, over all passes."""
    n_trained_parameters: int
    n_rows: int
    n_truncated: int
    n_refused: int
    n_held_out: int
    n_answered: int = 0
    """Held-out rows that each model answers for the verdict."""
    detectable: Detectable | None = None
    """What the held-out rows could show; None for plain text, which has no answers to count."""
    machine: str
    calibrated: bool
    """Whether the machine's speed was measured; otherwise it is a cautious guess."""
    based_on: str
    fits: bool
    advice: list[Fix] = []
    """Changes that would make a job fit that doesn't."""
    shorter: list[Fix] = []
    """Changes that would make a long job shorter, the most effective first."""

    @property
    def minutes(self) -> tuple[float, float]:
        """The range of the time, in minutes."""
        return self.seconds_low / 60, self.seconds_high / 60


@dataclass(frozen=True)
class _Work:
    """The amount of computation."""

    examples: int
    """Number of sequences; a row with a pair counts as two."""
    steps: int
    micro_steps: int
    tokens: int
    mean_length: float
    longest: int
    """Tokens of the longest example, after cutting."""
    answer: int
    """Positions of an example that need logits, from its first learned token on."""


def estimate(
    facts: BaseFacts,
    recipe: Recipe,
    lengths: LengthReport,
    n_held_out: int,
    machine: Machine,
    earlier: Pace | None = None,
    shipped_bytes: int = 0,
    forgets: Forgetting = NOTHING,
    n_answered: int | None = None,
) -> Estimate:
    """Estimate this recipe's cost on this machine; `earlier` is the measured pace of a job on the same base.

    `shipped_bytes` are the result's files besides its own weights; `forgets` is what measures
    forgetting afterwards; `n_answered` are the held-out rows that are answered, by default those of one dataset.
    """
    if n_answered is None:
        n_answered = min(n_held_out, settings().eval_rows)
    n_answered = 0 if registry.objective(recipe.objective).trains_prompt else n_answered
    work = _work(recipe, lengths)
    memory = _memory(facts, recipe, work, machine.on_gpu)
    seconds, based_on, spread = _seconds(facts, recipe, lengths, (n_held_out, n_answered), work, machine, earlier)
    trained = n_trained(facts, recipe)
    method = registry.method(recipe.method)
    result_bytes = 4 * method.n_stored(recipe.adaptation(), facts)
    copies = 3 if recipe.training().chooses else 2
    disk_bytes = CHECKPOINTS * (OPTIMISER_BYTES * trained + result_bytes) + copies * result_bytes + shipped_bytes
    seconds["evaluating"] += forgetting.seconds(
        forgets,
        facts.n_layers,
        lambda length: flop_per_token(facts, recipe, length, forward_only=True) / machine.flop_per_s,
    )
    total, memory_bytes = sum(seconds.values()), sum(memory.values())
    return Estimate(
        seconds=total,
        seconds_low=total * spread[0],
        seconds_high=total * spread[1],
        seconds_by_stage=seconds,
        memory_bytes=memory_bytes,
        memory_by_part=memory,
        memory_free_bytes=machine.memory_free_bytes,
        disk_bytes=disk_bytes,
        disk_free_bytes=machine.disk_free_bytes,
        result_bytes=result_bytes,
        steps=work.steps,
        tokens=work.tokens,
        n_trained_parameters=trained,
        n_held_out=n_held_out,
        n_answered=n_answered,
        **{name: getattr(lengths, name) for name in ("n_rows", "n_truncated", "n_refused")},
        machine=machine.name,
        calibrated=machine.calibrated or earlier is not None,
        based_on=based_on,
        fits=memory_bytes <= ROOM * machine.memory_free_bytes and disk_bytes <= ROOM * machine.disk_free_bytes,
    )


def n_trained(facts: BaseFacts, recipe: Recipe) -> int:
    """The approximate number of parameters that the recipe trains."""
    return registry.method(recipe.method).n_trained(recipe.adaptation(), facts)


def _work(recipe: Recipe, lengths: LengthReport) -> _Work:
    training = recipe.training()
    examples = max(1, lengths.n_examples)
    sides = registry.objective(recipe.objective).cost.sides
    virtual = registry.method(recipe.method).virtual_tokens(recipe.adaptation())
    mean_length = lengths.n_tokens / examples + virtual
    batches = math.ceil(examples / (sides * training.rows_at_once(mean_length)))
    if training.max_steps > 0:
        micro_steps = training.max_steps * training.gradient_accumulation_steps
    else:
        micro_steps = max(1, math.ceil(training.num_train_epochs * batches))
    longest = max(1, min(training.longest_sequence, lengths.longest)) + virtual
    return _Work(
        examples=examples,
        steps=math.ceil(micro_steps / training.gradient_accumulation_steps),
        micro_steps=micro_steps,
        tokens=round(micro_steps / batches * mean_length * examples),
        mean_length=mean_length,
        longest=longest,
        answer=min(longest, math.ceil(ANSWER_SPREAD * lengths.n_trained_tokens / examples)),
    )


def _memory(facts: BaseFacts, recipe: Recipe, work: _Work, on_gpu: bool) -> dict[str, int]:
    """Bytes at the peak of a training step, by purpose."""
    training = recipe.training()
    wide, heap = (2, GPU_HEAP) if on_gpu else (4, CPU_HEAP)
    cost = registry.objective(recipe.objective).cost
    rows = min(cost.sides * training.rows_at_once(work.longest), work.examples)
    tokens = rows * work.longest
    linear = LINEAR_BYTES.get(recipe.quantization, wide) * facts.n_linear_parameters
    frozen = linear + wide * (facts.n_parameters - facts.n_linear_parameters)
    method = registry.method(recipe.method)
    if method.trains == "all_weights":
        frozen = 0  # counted among the trained parameters
    elif method.trains == "some_weights":
        frozen -= wide * n_trained(facts, recipe)
    layer = tokens * wide * kept_per_token(facts)
    kept = facts.n_layers * layer
    if training.gradient_checkpointing:
        kept = facts.n_layers * tokens * facts.hidden_size * wide + layer
    others = cost.extra_models * wide * facts.n_parameters
    return {
        "weights": round(frozen + others),
        "trained parameters": TRAINED_BYTES * n_trained(facts, recipe),
        "activations": round(heap * kept),
        "logits": round(heap * LOGIT_COPIES * 4 * rows * work.answer * facts.vocab_size),
        "process": PROCESS_BYTES,
    }


def _seconds(
    facts: BaseFacts,
    recipe: Recipe,
    lengths: LengthReport,
    judged: tuple[int, int],
    work: _Work,
    machine: Machine,
    earlier: Pace | None,
) -> tuple[dict[str, float], str, tuple[float, float]]:
    """Seconds by stage, the basis of the estimate, and the factors of the range; `judged` are the held-out rows, and
    those that are answered."""
    n_held_out, n_answered = judged
    per_token = flop_per_token(facts, recipe, work.mean_length)
    training_s = PADDING * work.tokens * per_token / machine.flop_per_s + STEP_S * work.micro_steps
    forward_s = flop_per_token(facts, recipe, work.mean_length, forward_only=True) / machine.flop_per_s
    n_written = registry.objective(recipe.objective).cost.generations * work.tokens / work.mean_length
    training_s += answers_s(facts, lengths, n_written, forward_s)
    based_on = f"the measured speed of {machine.name}" if machine.calibrated else "a cautious guess of the speed"
    spread = (0.6, 1.7) if machine.calibrated else (0.3, 3.0)
    if earlier is not None:
        same_pace = flop_per_token(facts, earlier.recipe, work.mean_length) / per_token
        training_s = work.tokens / (earlier.tokens_per_s * same_pace)
        based_on, spread = "an earlier job on this base model", (0.7, 1.4)
    training, learned = recipe.training(), registry.objective(recipe.objective)
    looks = 1 / training.eval_steps if training.eval_steps < 1 else work.steps / training.eval_steps
    row_tokens = learned.cost.sides * work.mean_length
    looked_at = n_held_out + (
        splits.n_selected(round(lengths.n_rows / (1 - splits.SELECTION_SHARE))) if training.chooses else 0
    )
    stages = {
        "preparing": STARTUP_S + facts.weights_bytes / LOAD_BYTES_PER_S,
        "training": training_s + looks * looked_at * row_tokens * forward_s,
        "evaluating": 2 * n_held_out * row_tokens * forward_s + 2 * answers_s(facts, lengths, n_answered, forward_s),
    }
    return stages, based_on, spread


def answers_s(
    facts: BaseFacts, lengths: LengthReport, n_answers: float, forward_s: float, *, at_least: float = 0.0
) -> float:
    """Seconds that a model takes for this many answers of `at_least` so many tokens, several at once."""
    examples = max(1, lengths.n_examples)
    answer_tokens = max(at_least, 1.5 * lengths.n_trained_tokens / examples)
    batches = math.ceil(n_answers / ANSWERS_AT_ONCE)
    one_token_s = DECODE_LAYER_S * facts.n_layers + ANSWERS_AT_ONCE * forward_s
    prompts_s = ANSWERS_AT_ONCE * forward_s * lengths.n_tokens / examples
    return batches * (answer_tokens * one_token_s + prompts_s)
