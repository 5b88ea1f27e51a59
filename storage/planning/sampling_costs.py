"""What a training costs that writes several answers to each prompt and learns from them: see `templates.rewards`."""

from __future__ import annotations

from dataclasses import replace

from storage.planning import estimates, flop
from storage.planning.added_costs import with_costs
from storage.planning.estimates import Estimate
from storage.planning.machines import Machine
from storage.rendering.rendered_rows import LengthReport
from templates.quantities import plural
from templates.recipe import Recipe
from templates.rewards import RewardedParams
from templates.spec import BaseFacts

LEARNED_SHARE = 0.5
"""Length of an answer that is learned, as a share of the longest allowed. Writing takes as long as the longest one,
because answers are written together until the last of them ends."""


def n_written_tokens(recipe: Recipe) -> int:
    """About how many tokens an answer takes; 0 if the objective writes none to be rewarded."""
    training = recipe.training()
    return round(LEARNED_SHARE * training.max_completion_length) if isinstance(training, RewardedParams) else 0


def as_written(lengths: LengthReport, recipe: Recipe) -> LengthReport:
    """What goes through the model: each prompt as often as it is answered, with an answer instead of the row's own."""
    training, answer = recipe.training(), n_written_tokens(recipe)
    if not isinstance(training, RewardedParams):
        return lengths
    n, n_answers = training.num_generations, training.num_generations * lengths.n_examples
    prompts = n * (lengths.n_tokens - lengths.n_trained_tokens)
    return replace(
        lengths,
        n_examples=n_answers,
        n_tokens=prompts + n_answers * answer,
        n_trained_tokens=n_answers * answer,
        longest=min(lengths.longest, training.max_length) + training.max_completion_length,
    )


def sentences(recipe: Recipe, estimate: Estimate, reward_model: str = "") -> tuple[str, ...]:
    """What is written, and what it is rewarded for; empty for other objectives. `reward_model` is the name of one."""
    training = recipe.training()
    if not isinstance(training, RewardedParams):
        return ()
    weights = [f"“{one.verifier.title}” ({one.weight:g})" for one in training.picked]
    if reward_model:
        weights.append(f"the score from the reward model “{reward_model}” ({training.reward_model_weight:g})")
    rewards = weights[0].rpartition(" ")[0] if len(weights) == 1 else ", ".join(weights)
    n_answers = estimate.steps * training.gradient_accumulation_steps * training.rows_at_once(0)
    return (
        f"Answers are rewarded for: {rewards}",
        f"Each prompt is answered {training.num_generations} times in each pass, with up to "
        f"{plural(training.max_completion_length, 'token')} each: at most {n_answers:,} answers and "
        f"{n_answers * training.max_completion_length:,} tokens are written",
    )


def priced(estimate: Estimate, facts: BaseFacts, recipe: Recipe, lengths: LengthReport, machine: Machine) -> Estimate:
    """The estimate with the whole time of writing, in the training and for the verdict; `lengths` are `as_written`."""
    training = recipe.training()
    if not isinstance(training, RewardedParams):
        return estimate
    mean = lengths.n_tokens / max(1, lengths.n_examples)
    forward_s = flop.flop_per_token(facts, recipe, mean, forward_only=True) / machine.flop_per_s

    def takes(n_answers: float, *, at_least: float) -> float:
        return estimates.answers_s(facts, lengths, n_answers, forward_s, at_least=at_least)

    n_written, longest = estimate.tokens / max(1.0, mean), training.max_completion_length
    stages = dict(estimate.seconds_by_stage)
    looks = 1 / training.eval_steps if training.eval_steps < 1 else estimate.steps / training.eval_steps
    n_seen = min(estimate.n_held_out, estimates.LOOKED_AT)
    stages["training"] += takes(n_written, at_least=longest) - takes(n_written, at_least=0)
    stages["training"] += takes(looks * n_seen, at_least=longest)
    stages["evaluating"] += 2 * (takes(estimate.n_answered, at_least=longest) - takes(estimate.n_answered, at_least=0))
    return with_costs(estimate, stages, estimate.memory_by_part, estimate.disk_bytes)
