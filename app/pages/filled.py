"""The training form as it is filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from app import forms
from app.pages import choices, train_mix
from storage.models import User
from storage.planning import reward_models, teachers, training
from templates import mix
from templates.continuation import ContinueFrom
from templates.spec import Preset, Quantization

PRECISION = "quantization"


@dataclass(frozen=True)
class Filled:
    """The form as it is filled in: what was chosen, and settings as their components hold them."""

    objective: str
    """What is learned, which is also the goal or one of several ways to it."""
    base: str
    data: str
    method: str
    """A method or a named recipe, see `choices.ways`."""
    effort: str = "balanced"
    instruction: str | None = None
    """None: the dataset's own."""
    continue_from: str = "advised"
    """How to go on if the base is an adapter, see `templates.continuation`."""
    teacher: str = ""
    """The model to learn from, if the objective has one."""
    reward: str = ""
    """The reward model whose scores reward answers, if the objective takes one."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Of the objective's and the method's settings, and the base's precision under `quantization`."""
    advised: Mapping[str, Any] = field(default_factory=dict)
    """The advised values."""
    kept: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By objective and method: what was typed while they were chosen."""
    more: Sequence[str] = ()
    """Further datasets to learn."""
    shares: str = train_mix.EVERY_ROW
    keep: str = train_mix.OWN
    """The dataset to replay, or one of `train_mix.OWN` and `train_mix.NOTHING`."""
    share: float = mix.REPLAY_SHARE
    """The replayed share of what is learned."""
    experts: bool = False
    """Whether the methods for experts are among the choices."""
    drawing: str = ""
    """Differs each time, so that the settings are drawn, and listen, even if nothing else changed."""

    @property
    def choices(self) -> tuple[str, ...]:
        """What the settings depend on."""
        chosen = self.objective, self.base, self.data, self.method, self.effort, self.continue_from, self.teacher
        return *chosen, self.reward, *self.more, self.shares, self.keep, str(self.share)

    @property
    def pair(self) -> str:
        """The key of `kept`."""
        return f"{self.objective} {self.method}"

    @property
    def settings(self) -> dict[str, Any]:
        """The form ready for validation. Raises `BadInput` for empty settings."""
        return forms.read(self.objective, choices.way(self.method).method, self.values)

    def typed(self) -> dict[str, Any]:
        """What differs from the advice."""
        return {name: value for name, value in self.values.items() if value != self.advised.get(name, value)}

    def keeping(self) -> Filled:
        """The same, keeping what was typed for when this pair is chosen again; also settings that this data hides."""
        hidden = {name: value for name, value in self.kept.get(self.pair, {}).items() if name not in self.values}
        return replace(self, kept={**self.kept, self.pair: {**hidden, **self.typed()}})

    def plan(self, user: User, *, patient: bool = True) -> training.Plan:
        """The plan and its cost. Raises `BadInput` or `DoesNotFit`, and `Counting` unless `patient`."""
        return training.plan(
            user,
            base=self.base,
            dataset=self.data,
            objective=self.objective,
            method=choices.way(self.method).method,
            preset=cast(Preset, self.effort),
            quantization=cast(Quantization, self.values[PRECISION]),
            instruction=self.instruction,
            settings=self.settings,
            continue_from=cast(ContinueFrom, self.continue_from),
            teacher=self.teacher if teachers.needed(self.objective) else None,
            reward=self.reward if reward_models.taken(self.objective) else None,
            weights=train_mix.weights(self),
            replay=train_mix.replay(user, self),
            patient=patient,
        )
