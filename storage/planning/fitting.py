"""Finds changes that make a job fit: candidates from cheapest to dearest, each estimated again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

from storage.planning.estimates import Estimate, Fix
from templates import registry
from templates.errors import BadInput
from templates.quantities import size
from templates.recipe import Recipe, compose
from templates.spec import BaseFacts, Method, Quantization

MAX_OFFERED = 3
SHORTEST_ROW = 64


def fixes(facts: BaseFacts, recipe: Recipe, estimated: Callable[[Recipe], Estimate]) -> list[Fix]:
    """Up to three changes that make the job fit, none containing another; empty when nothing helps."""
    before = estimated(recipe)
    found: list[tuple[set[str], Fix]] = []
    for changed in _variants(recipe, facts):
        changes = _changes(recipe, changed)
        if found and "max_length" in changes:
            break  # cutting rows loses data, so only if nothing else helps
        if any(smaller <= changes.keys() for smaller, _ in found):
            continue
        after = estimated(changed)
        if after.fits:
            found.append((set(changes), _offer(recipe, changed, changes, before, after)))
        if len(found) == MAX_OFFERED:
            break
    return [fix for _, fix in found]


def _variants(recipe: Recipe, facts: BaseFacts) -> Iterator[Recipe]:
    """Alternative recipes, the least different first."""
    training = recipe.training()
    rows_at_once = training.per_device_train_batch_size * training.gradient_accumulation_steps
    batches = _halvings(training.per_device_train_batch_size, 1)
    may_recompute = registry.method(recipe.method).allows_gradient_checkpointing
    recomputing = sorted({training.gradient_checkpointing, may_recompute})
    for max_length, start in product(_halvings(training.max_length, SHORTEST_ROW), with_adapter(recipe, facts)):
        for quantization, recompute in product(_precisions(start), recomputing):
            for batch in batches:
                params = {
                    **start.objective_params,
                    "max_length": max_length,
                    "gradient_checkpointing": recompute,
                    "per_device_train_batch_size": batch,
                    "gradient_accumulation_steps": -(-rows_at_once // batch),
                }
                yield start.model_copy(update={"quantization": quantization, "objective_params": params})


def _halvings(value: int, least: int) -> list[int]:
    values = [value]
    while values[-1] // 2 >= least:
        values.append(values[-1] // 2)
    return values


def _precisions(recipe: Recipe) -> list[Quantization]:
    how = registry.method(recipe.method)
    smallest: Quantization = "nf4"
    if recipe.quantization == smallest or smallest not in how.quantizations:
        return [recipe.quantization]
    refused = how.problems(recipe.adaptation(), smallest, None)
    return [recipe.quantization] if refused else [recipe.quantization, smallest]


def with_adapter(recipe: Recipe, facts: BaseFacts) -> Iterator[Recipe]:
    """The recipe, then the same with an adapter method when it trains all weights of the base as it is."""
    yield recipe
    now = registry.method(recipe.method)
    if now.trains == "adapter" or not now.starts_at_base:
        return
    kept = {k: v for k, v in recipe.objective_params.items() if k != "learning_rate"}
    for method in sorted(registry.methods().values(), key=_suits_first):
        if method.trains != "adapter":
            continue
        try:
            yield compose(recipe.objective, method.key, instruction=recipe.instruction, settings=kept, facts=facts)
        except BadInput:
            continue  # this method can't be used here as it is; the next one may
        return


def _suits_first(method: Method) -> tuple[int, bool, str]:
    return -len(method.quantizations), not method.mixes(method.defaults), method.key


def _changes(old: Recipe, new: Recipe) -> dict[str, int | float | bool | str]:
    """The differences, as settings for `compose`, including `method`."""
    changes = {k: v for k, v in new.objective_params.items() if v != old.objective_params[k]}
    if new.method != old.method:
        changes["method"] = new.method
    if new.quantization != old.quantization:
        changes["quantization"] = new.quantization
    return changes


def _offer(
    old: Recipe, new: Recipe, changes: dict[str, int | float | bool | str], before: Estimate, after: Estimate
) -> Fix:
    parts = []
    if "method" in changes:
        parts.append(f"the method {registry.method(new.method).title}")
    if "quantization" in changes:
        parts.append(f"the frozen base in {new.quantization} (quantization)")
    if "per_device_train_batch_size" in changes:
        training = new.training()
        added = training.gradient_accumulation_steps
        batch = training.per_device_train_batch_size
        parts.append(f"{batch} {'row' if batch == 1 else 'rows'} per step, gradients added up over {added} steps")
    if "gradient_checkpointing" in changes:
        parts.append("gradient_checkpointing (activations are recomputed instead of kept)")
    if "max_length" in changes:
        parts.append(f"rows cut at {new.training().max_length} tokens (more of them would be truncated)")
    need = f"≈ {size(after.memory_bytes)} instead of ≈ {size(before.memory_bytes)} of memory"
    settings = {key: value for key, value in changes.items() if key != "method"}
    return Fix(
        text=f"Use {', '.join(parts)}: {need}.",
        settings=settings,
        method=new.method if new.method != old.method else None,
    )
