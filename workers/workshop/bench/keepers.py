"""The contenders of `studio bench keep`: each is a function from what all share to a model, and one line below."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from peft.helpers import rescale_adapter_scale
from peft.tuners.lora import LoraLayer
from peft.tuners.lora.intruders import reduce_intruder_dimension

from storage.bases import base_models
from templates import registry
from templates.continuation import ChainStep
from templates.next_token import KL
from workers.orders.train import Continued, Teacher
from workers.protocol import ModelRef
from workers.workshop.bench.adapters import TrainedAdapter
from workers.workshop.bench.ground import AS_ADVISED, WATCHED, Ground, best_of, share_of

STRENGTHS = (0.25, 0.5, 0.75, 1.0)
KEEPS = 0.95
"""The strength is the smallest that keeps this share of the score on the selection side."""
REPAIR_PROMPTS = 0.8
"""Share of prompts in a repair; the others are rows of the task."""
KL_COEF = 1.0


@dataclass(frozen=True)
class Kept:
    """A contender's model, ready to answer."""

    model: Any
    trained: TrainedAdapter | None = None
    """The training that made it; None if it took none of its own."""
    said: str = ""
    """What was chosen or changed on the way."""


def plain(ground: Ground) -> Kept:
    """The task alone."""
    return Kept(ground.plain.load(), ground.plain)


def self_replay(ground: Ground) -> Kept:
    """Rows that the base wrote, learned beside the task."""
    made = ground.train("self-replay", replayed=ground.own)
    return Kept(made.load(), made)


def kl(ground: Ground) -> Kept:
    """The same rows, at which the model is held near the base."""
    made = ground.train("kl", replayed=ground.own, settings={KL: KL_COEF})
    return Kept(made.load(), made)


def strength(ground: Ground) -> Kept:
    """The plain adapter at less than its strength, chosen on the selection side."""
    model = ground.plain.load()
    scores = []
    for value in STRENGTHS:
        with rescale_adapter_scale(model, value):
            scores.append((value, share_of(ground.right(model, ground.selection))))
    chosen = best_of(scores, KEEPS)
    for module in model.modules():
        if isinstance(module, LoraLayer):
            module.scale_layer(chosen)
    by = ", ".join(f"{100 * score:.0f} % at {value:g}" for value, score in scores)
    return Kept(model, said=f"strength {chosen:g}; on {len(ground.selection)} rows of the selection side {by}")


def intruders(ground: Ground) -> Kept:
    """The plain adapter without most of its intruder dimensions, as PEFT advises."""
    model, told = ground.plain.load(), list[str]()
    reduce_intruder_dimension(model, logging_sink=told.append)
    changed = sum("No intruders" not in line for line in told)
    return Kept(model.eval(), said=f"{changed} of {len(told)} layers had intruder dimensions")


def repair(ground: Ground) -> Kept:
    """The plain adapter trained further on what the base says to its own answers.

    With the objective `repair` where the studio has it, else `distill_on_policy` with the base as the teacher.
    """
    continued, options = _going_on(ground), dict[str, Any]()
    if (objective := "repair") in registry.objectives():
        options = {"replayed": ground.own, "replay_share": REPAIR_PROMPTS}
    else:
        objective, facts = "distill_on_policy", ground.setup.small.facts
        teacher = Teacher(ref=continued.root, facts=facts, license="")
        watched, rows = ground.own[:WATCHED], ground.own[WATCHED:]
        options = {"rows": rows, "held_out": watched, "shape": ground.base.own.shape, "teacher": teacher}
    settings = {"num_train_epochs": 3.0, "learning_rate": AS_ADVISED}
    made = ground.train("repair", objective=objective, continued=continued, settings=settings, **options)
    return Kept(made.load(), made, said=f"objective {objective}, {made.actual['steps']} steps")


def _going_on(ground: Ground) -> Continued:
    """From the plain adapter, with the base at the root."""
    folder = ground.setup.small.folder
    root = ModelRef(name=folder.name, base_folder=str(folder), base_revision=base_models.revision_of(folder))
    step = ChainStep(name="plain", objective="sft", method="lora", data=ground.task.name)
    return Continued(way="same_adapter", why="", parent=ground.plain.ref, root=root, steps=(step,))


CONTENDERS: Mapping[str, Callable[[Ground], Kept]] = {
    "plain": plain,
    "self-replay": self_replay,
    f"KL to the base ({KL} {KL_COEF:g})": kl,
    "strength": strength,
    "intruder reduction": intruders,
    "repair": repair,
}
"""In the order of the table; what others start from comes first."""
