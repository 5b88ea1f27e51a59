"""What a training starts from, and how it goes on from a result: with the same adapter or with a new one.

An adapter is trained further if the goal, the method and the adapter's settings stay the same; the result then goes
on the same base. Otherwise it is merged into its base first, and the result carries the merged base with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storage.bases import base_models
from storage.gallery import artifacts
from storage.models import Artifact, BaseModelRow, Dataset, User
from storage.planning import estimates, evaluations
from storage.planning.added_costs import with_costs
from storage.planning.estimates import Estimate
from templates import registry
from templates.continuation import CHOICES, ContinueFrom, Way
from templates.errors import BadInput, NotFound, Problem
from templates.quantities import size
from templates.recipe import Recipe
from templates.spec import BASE_BEHIND_ADAPTER, Method

FIELD = "continue_from"
MERGE_PASSES = 4
"""Times that the weights go through the disk for a merge: read, written, read again to compare, read to train."""


@dataclass(frozen=True)
class Start:
    """What a training starts from."""

    root: BaseModelRow
    """The base model at the root."""
    parent: Artifact | None = None
    """The result that it goes on from; None: it starts from the base model itself."""

    @property
    def model(self) -> BaseModelRow | Artifact:
        """The model as the job's input."""
        return self.parent or self.root

    @property
    def is_adapter(self) -> bool:
        """Whether there is a choice of how to go on."""
        return self.parent is not None and registry.artifact_kind(self.parent.kind).on_base

    def instruction_for(self, dataset: Dataset) -> str:
        """The data's own instruction, or else, if its rows have prompts, the one that the model was trained with."""
        has_prompts = registry.shape(dataset.shape).messages is not None
        return dataset.instruction or (artifacts.instruction_of(self.model) if has_prompts else "")

    @property
    def recipe(self) -> Mapping[str, Any]:
        """The recipe of the parent's training; empty without one."""
        return artifacts.model_facts(self.parent).recipe if self.parent else {}


def start(user: User, name_or_id: str) -> Start:
    """The base model or result with this name or id, as the start of a training. Raises `NotFound`."""
    try:
        return Start(base_models.get(user, name_or_id))
    except NotFound:
        found = evaluations.find_model(user, name_or_id)
    return Start(artifacts.base_of(found), found) if isinstance(found, Artifact) else Start(found)


@dataclass(frozen=True)
class Continuation:
    """How a training goes on from a result, and why."""

    way: Way
    why: str
    """One or two sentences."""


def decide(
    begins: Start, objective: str, method: str, settings: Mapping[str, Any], asked: ContinueFrom = "advised"
) -> Continuation | None:
    """How to go on; None for a training from a base model.

    Raises `BadInput` if the way that was asked for is impossible.
    """
    if asked not in CHOICES:
        raise _refusal(f"“{asked}” is not a way to go on.", f"One of: {', '.join(CHOICES)}.")
    if begins.parent is None:
        if registry.objective(objective).repairs:
            what = f"“{begins.root.name}” is a base model, so there is nothing to repair."
            raise BadInput(Problem(what, field="base", remedy="Choose the result that forgot something."))
        if asked != "advised":
            raise _refusal(f"“{begins.root.name}” is a base model: it has no adapter.", "Leave this out.")
        return None
    name, how = begins.parent.name, registry.method(method)
    if not how.starts_at_base and how.trains != "adapter":
        remedy = f"Choose another method, or the base model {begins.root.name}."
        what = f"{how.title} starts from random weights, so nothing of “{name}” would be left."
        raise BadInput(Problem(what, field="method", remedy=remedy))
    if not begins.is_adapter:
        if asked != "advised":
            raise _refusal(f"“{name}” is a full model, which is the base as it is.", "Leave this out.")
        return Continuation("full_model", f"“{name}” is a full model, so it is the base as it is.")
    obstacle = _obstacle(begins, objective, how, settings)
    if asked == "same_adapter" and obstacle:
        raise _refusal(f"the adapter of “{name}” can't be trained further: {obstacle}.", "Merge it first instead.")
    repairs = registry.objective(objective).repairs
    is_other = objective != begins.recipe.get("objective") and not repairs
    if asked == "merged" or (asked == "advised" and (obstacle or is_other)):
        return _merged(begins, objective, how, obstacle, is_asked=asked == "merged")
    return Continuation("same_adapter", _same(begins, is_asked=asked == "same_adapter", repairs=repairs))


def _refusal(message: str, remedy: str) -> BadInput:
    return BadInput(Problem(message, field=FIELD, remedy=remedy))


def _obstacle(begins: Start, objective: str, how: Method, settings: Mapping[str, Any]) -> str | None:
    """Why the adapter can't be trained further as it is, as the end of a sentence; None if it can."""
    if not registry.makes_answering_models(objective):
        return "this goal puts a new head on the model it starts from"
    before, own = str(begins.recipe.get("method")), begins.recipe.get("method_params") or {}
    if how.key != before:
        known = registry.methods().get(before)
        return f"it was made by {known.title if known else before}, not by {how.title}"
    if not how.trains_further:
        return f"PEFT can't train a finished adapter of {how.title} further"
    if how.peft_type is None or how.moves_base(own):
        return "its initialisation changed the base, and the published adapter has another rank"
    if any(need.met is BASE_BEHIND_ADAPTER.met for need in registry.objective(objective).needs_with(settings)):
        return "this goal compares with the model it starts from, which must stay behind the adapter"
    fields = how.params.model_fields
    differing = [key for key, value in settings.items() if key in fields and value != own.get(key)]
    if differing:
        key = differing[0]
        return f"{fields[key].title} is {own.get(key)} there and can't become {settings[key]}"
    return None


def _merged(begins: Start, objective: str, how: Method, obstacle: str | None, *, is_asked: bool) -> Continuation:
    assert begins.parent
    method = registry.methods().get(str(begins.recipe.get("method")))
    if method is None or not method.mergeable:
        what = f"the adapter of “{begins.parent.name}” can't be merged into its base"
        raise _refusal(f"{what}, and {obstacle or 'you asked for it'}.", "Start from another model.")
    goals = registry.objectives()
    before, now = goals.get(str(begins.recipe.get("objective"))), registry.objective(objective)
    if is_asked:
        why = ""
    elif obstacle:
        why = f", because {obstacle}"
    else:
        why = f", because the goal is another one (“{before.title if before else 'unknown'}” before, “{now.title}” now)"
    merged = f"“{begins.parent.name}” is merged into its base in full precision, checked, and trained on from there"
    carries = f" The result carries the merged base ({size(begins.root.size_bytes)})."
    return Continuation("merged", f"{merged}{why}.{carries if how.trains == 'adapter' else ''}")


def _same(begins: Start, *, is_asked: bool, repairs: bool) -> str:
    assert begins.parent
    same = "method and the adapter's settings stay the same"
    why = "" if is_asked else f", because {same}" if repairs else f", because goal, {same}"
    return f"The adapter of “{begins.parent.name}” itself is trained further{why}. The result goes on the same base."


def inherited(begins: Start, how: Continuation | None) -> Mapping[str, Any]:
    """The settings that the same adapter keeps."""
    return begins.recipe["method_params"] if how and how.way == "same_adapter" else {}


def carried_bytes(begins: Start, how: Continuation | None, recipe: Recipe) -> int:
    """The size of the base that the result has to carry with it, besides a bundled one."""
    if begins.parent is None or how is None or registry.method(recipe.method).trains != "adapter":
        return 0
    return 0 if _is_rooted(begins, how) else begins.root.size_bytes


def _is_rooted(begins: Start, how: Continuation) -> bool:
    """Whether the result's adapter goes on the base model at the root."""
    if begins.parent is None or how.way != "same_adapter":
        return False
    return not artifacts.model_facts(begins.parent).own_base


def priced(estimate: Estimate, begins: Start, how: Continuation | None, objective: str, *, on_gpu: bool) -> Estimate:
    """The estimate with what the chain adds: the merge, and a third model to score (the base at the root)."""
    if how is None:
        return estimate
    facts, stages = base_models.facts(begins.root), dict(estimate.seconds_by_stage)
    stages["evaluating"] *= 1.5
    memory, disk = dict(estimate.memory_by_part), estimate.disk_bytes
    if how.way == "merged":
        stages["preparing"] += MERGE_PASSES * facts.weights_bytes / estimates.LOAD_BYTES_PER_S
        disk += begins.root.size_bytes
    if registry.objective(objective).repairs and not _is_rooted(begins, how):
        memory["base model that teaches"] = (2 if on_gpu else 4) * facts.n_parameters
    if not _is_rooted(begins, how):
        beside = 2 * (2 if on_gpu else 4) * facts.n_parameters + estimates.PROCESS_BYTES
        memory["base model beside it, at the end"] = max(0, beside - estimate.memory_bytes)
    return with_costs(estimate, stages, memory, disk)
