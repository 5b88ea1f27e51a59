"""Settings, metrics and refusals of the objectives that reward answers: for passing checks, or by a reward model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationInfo, create_model, field_validator

from templates import verifier
from templates.errors import Problem
from templates.metrics import Metric
from templates.picked_settings import of_picked
from templates.roles import Role
from templates.spec import (
    BASE_BEHIND_ADAPTER,
    REFERENCE_BESIDE,
    BaseFacts,
    Need,
    Params,
    RowShape,
    TrainingParams,
    setting,
)
from templates.verifier import Verifier

GOAL = "do_what_a_check_rewards"
"""Key of the goal that they are ways to."""
HEADLINE = "checks_passed"
"""The metric that decides their verdict: the share of the held-out prompts on which the answer passes; with several
checks, each counts with its weight."""
REWARD_MODEL = "reward_model"
"""The name of a reward model among the rewards of an answer, where checks have their keys."""
SHORTEST_PROMPT = 8
"""The least that may be set for the longest prompt, in tokens."""
SHARE_OF_ADVICE = 0.25
"""As a share of the learning rate that the method advises for next-token losses."""

NEEDS_BASE = Need(
    BASE_BEHIND_ADAPTER.met,
    "with beta above 0 compares with the untouched base, which must stay behind the adapter",
    arises=lambda settings: settings["beta"] > 0,
    otherwise="set beta to 0",
)
CAN_TRY = Need(
    lambda method, _settings: not method.starts_anew,
    "rewards what the model gets right now and then, so it has to start from the base",
)
LEARNED_INSTEAD = "This row's answer is not learned: the model writes its own, and learns those that are rewarded."
LOSS_MEANS = "it stays near 0 and says nothing about success, which the reward does"

if TYPE_CHECKING:
    Check = str
else:
    Check = Literal[tuple(verifier.verifiers())]


class SamplingParams(TrainingParams):
    """How answers are written and rewarded; the names are TRL's (`GRPOConfig`, `RLOOConfig`) where it has the
    setting."""

    verifiers: list[Check] = setting(
        ["exact_answer"],
        "Checks",
        shown=True,
        titles={key: one.title for key, one in verifier.verifiers().items()},
    )
    """What an answer is rewarded for: pick one or more, or none if a reward model alone rewards."""
    reward_model_weight: float = setting(1.0, "Weight of the reward model", gt=0, le=1000)
    """By what the reward model’s score is multiplied before it is added to the reward. With RLOO, or without scaling,
    larger weights make beta weaker."""
    num_train_epochs: float = setting(2.0, "Passes over the prompts", shown=True, unit="epochs", gt=0, le=1000)
    """How often the model answers each prompt. It writes new answers each time."""
    per_device_train_batch_size: int = setting(8, "Prompts per step", ge=1, le=4096)
    """Prompts that are answered in one step, each several times."""
    num_generations: int = setting(8, "Answers per prompt", shown=True, ge=2, le=256)
    """They are compared with each other. More answers find a right one more often, and take longer."""
    max_completion_length: int = setting(64, "Longest answer", shown=True, unit="tokens", ge=1, le=32_768)
    """Answers are cut off here."""
    max_length: int = setting(512, "Longest prompt", unit="tokens", ge=SHORTEST_PROMPT, le=1_048_576)
    """Rows with longer prompts are left out. You see how many before you launch."""
    temperature: float = setting(1.0, "Temperature", gt=0, le=20)
    """How varied the answers written in training are. With lower values they are more alike, so there is less to
    compare."""
    mask_truncated_completions: bool = setting(True, "Leave out answers that were cut off")
    """Such an answer passes no check, a reward model’s score for it counts no higher than the lowest of the others, and
    nothing is learned from it; the others are still compared with it. Off: it is rewarded and learned like the others,
    so that the model may learn never to end."""

    @field_validator("verifiers")
    @classmethod
    def _each_once(cls, value: list[Check]) -> list[Check]:
        return list(dict.fromkeys(value))

    def rows_at_once(self, _n_tokens: float) -> int:
        """Answers that go through the model together."""
        return self.per_device_train_batch_size * self.num_generations

    @property
    def longest_sequence(self) -> int:
        """A prompt and its answer."""
        return self.max_length + self.max_completion_length


def _weight(key: str, one: Verifier) -> tuple[type[float], Any]:
    about = (
        f"What passing the check `{key}` adds to the reward. With RLOO, or without scaling, the size counts as well as "
        "the proportions: larger weights make beta weaker."
    )
    return float, setting(1.0, f"Weight of “{one.title}”", shown=True, gt=0, le=1000, description=about)


_Weights = create_model(  # type: ignore[call-overload]
    "_Weights",
    __base__=Params,
    __module__=__name__,
    **{verifier.weight_of(key): _weight(key, one) for key, one in verifier.verifiers().items()},
)
_OF_CHECKS = tuple(one.params for one in verifier.verifiers().values() if one.params.model_fields)


@dataclass(frozen=True)
class Picked:
    """A check with its weight and settings."""

    key: str
    verifier: Verifier
    weight: float
    settings: Params


class RewardedParams(*_OF_CHECKS, _Weights, SamplingParams):  # type: ignore[misc]
    """The same with each check's weight and settings, which mean something only where the check is picked."""

    @field_validator(*verifier.owners())
    @classmethod
    def _of_a_picked_check(cls, value: Any, info: ValidationInfo) -> Any:
        return of_picked(cls, value, info, owners=verifier.owners(), listed="verifiers", what="check")

    @classmethod
    def idle_with(cls, values: Mapping[str, Any]) -> frozenset[str]:
        """The settings of checks that are not picked, and the weight of the only one unless it was changed."""
        picked = values.get("verifiers") or ()
        alone = {name for name in map(verifier.weight_of, picked) if len(picked) == 1 and values.get(name, 1.0) == 1.0}
        return frozenset(name for name, key in verifier.owners().items() if key not in picked) | alone

    @property
    def picked(self) -> tuple[Picked, ...]:
        """The checks that were picked."""
        owners, known = verifier.owners(), verifier.verifiers()
        found = []
        for key in self.verifiers:
            fields = known[key].params.model_fields
            own = {name: getattr(self, name) for name in fields if owners[name] == key}
            weight = float(getattr(self, verifier.weight_of(key)))
            found.append(Picked(key, known[key], weight, known[key].params(**own)))
        return tuple(found)


def metric_of(key: str) -> str:
    """TRL's name for the mean of a reward: of a check, or of the reward model."""
    return f"rewards/{key}/mean"


METRICS = (
    Metric("reward", "Reward"),
    *(Metric(metric_of(key), f"Passed: {one.title}", "%") for key, one in verifier.verifiers().items()),
    Metric(metric_of(REWARD_MODEL), "Score from the reward model"),
    Metric("frac_reward_zero_std", "Prompts whose answers were all rewarded alike", "%", higher_is_better=False),
    Metric("completions/mean_length", "Length of the answers written", "tokens", higher_is_better=None),
    Metric("completions/clipped_ratio", "Answers cut off", "%", higher_is_better=False),
    Metric("kl", "Distance to the base on own answers", "nats", higher_is_better=None),
)


def advised(_facts: BaseFacts, of_method: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of the method's rate: which answers happen to be drawn makes gradients noisy."""
    rate = of_method.get("learning_rate")
    return {} if rate is None else {"learning_rate": SHARE_OF_ADVICE * rate}


def misfits(params: RewardedParams, shape: RowShape) -> list[Problem]:
    """Checks that need an answer to compare with, where rows have none."""
    if shape.has_answers:
        return []
    lacking = [one.key for one in params.picked if one.verifier.needs_reference]
    able = [key for key, one in verifier.verifiers().items() if not one.needs_reference]
    if not lacking:
        return []
    what = f"{' and '.join(lacking)} {'compares' if len(lacking) == 1 else 'compare'} with the row’s own answer"
    remedy = f"Choose other checks ({', '.join(able)}), a reward model instead, or data with answers."
    return [Problem(f"{what}, and these rows are prompts without one.", field="verifiers", remedy=remedy)]


SHARED: Mapping[str, Any] = {
    "row_shapes": ("prompt_completion", "messages", "classification", "prompt_only"),
    "presets": {
        "quick": {"num_train_epochs": 1.0},
        "balanced": {"num_train_epochs": 2.0},
        "thorough": {"num_train_epochs": 6.0},
    },
    "goal": GOAL,
    "needs": (CAN_TRY, NEEDS_BASE, REFERENCE_BESIDE),
    "takes": (Role.REWARD,),
    "loss_means": LOSS_MEANS,
    "metrics": METRICS,
    "headline": HEADLINE,
    "learned_instead": LEARNED_INSTEAD,
    "rewards": lambda params: params.picked,
    "misfits": misfits,
    "advised": advised,
}
"""What their declarations have in common."""
