"""Trainings whose replayed rows hold the model near its base: what that needs, and what it adds to the estimate."""

from __future__ import annotations

from storage.planning import estimates
from storage.planning.added_costs import with_costs
from storage.planning.estimates import Estimate
from storage.planning.flop import flop_per_token
from storage.planning.mixes import Datasets, Lengths
from templates import next_token
from templates.errors import Problem
from templates.next_token import KL
from templates.recipe import Recipe
from templates.spec import BaseFacts

COPIES = 5
"""Tensors of the size of the replayed answers' logits: of both models the logits and the logarithms, and the sum."""


def problems(recipe: Recipe, data: Datasets) -> list[Problem]:
    """The problem with a distance to the base where nothing is replayed."""
    if not next_token.near_base(recipe.objective_params) or data.replayed:
        return []
    remedy = f"Replay rows (--replay NAME or --keep; “Keep what it knew” on the page), or set {KL} to 0."
    return [Problem("holds replayed rows near the base, but no rows are replayed.", field=KL, remedy=remedy)]


def priced(estimate: Estimate, facts: BaseFacts, recipe: Recipe, lengths: Lengths, *, on_gpu: bool) -> Estimate:
    """The estimate with the base's pass over the replayed rows; unchanged if nothing holds them near it."""
    if not next_token.near_base(recipe.objective_params):
        return estimate
    report, training = lengths.report, recipe.training()
    mean = report.n_tokens / max(1, report.n_examples)
    once, all_passes = (flop_per_token(facts, recipe, mean, forward_only=only) for only in (True, False))
    longer = 1 + lengths.replayed_share * once / all_passes
    stages = {**estimate.seconds_by_stage, "training": longer * estimate.seconds_by_stage["training"]}
    longest = min(training.max_length, report.longest)
    answer = min(longest, estimates.ANSWER_SPREAD * report.n_trained_tokens / max(1, report.n_examples))
    rows = min(training.rows_at_once(longest), report.n_examples)
    heap = estimates.GPU_HEAP if on_gpu else estimates.CPU_HEAP
    memory = {
        **estimate.memory_by_part,
        "distance to the base": round(heap * COPIES * 4 * rows * answer * facts.vocab_size),
    }
    return with_costs(estimate, stages, memory, estimate.disk_bytes)
