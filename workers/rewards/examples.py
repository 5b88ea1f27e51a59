"""Shows what was rewarded while the training goes on: a few answers of a step, with their rewards."""

from __future__ import annotations

from collections import Counter
from typing import Any

from transformers import TrainerCallback, TrainerState

from templates.quantities import plural
from templates.shortened import shortened
from templates.verifier import verifiers
from workers.protocol import Noted
from workers.rewards.trainers import TOO_SLOW, Rewarded
from workers.training.callbacks import Channel

KIND = "rewarded"
MOST_STEPS = 20
"""Steps of a training whose answers are shown, evenly spaced; the first and the last are among them."""
PER_STEP = 3
LONGEST = 400
"""Characters shown of a prompt and of an answer."""


class Examples(TrainerCallback):  # type: ignore[misc]
    """Notes examples for the job's page, where they stay."""

    def __init__(self, channel: Channel, trainer: Rewarded, went: list[str]):
        self._channel, self._trainer = channel, trainer
        self._went = went
        """Takes remarks for the verdict on how the training went."""
        self._slow_before = Counter[str]()

    def on_train_begin(self, _args: Any, state: TrainerState, _control: Any, **_: Any) -> None:
        for point in state.log_history:  # of the attempts before this one
            for name, n in point.items():
                if name.startswith(TOO_SLOW):
                    self._slow_before[name.removeprefix(TOO_SLOW)] += round(n)

    def on_step_end(self, _args: Any, state: TrainerState, _control: Any, **_: Any) -> None:
        step, last = state.global_step, state.max_steps
        if step in (1, last) or step * MOST_STEPS // last > (step - 1) * MOST_STEPS // last:
            data = {"step": step, "examples": self._picked(), "too_slow": dict(self._slow)}
            self._channel.send(Noted(kind=KIND, data=data))

    def on_train_end(self, _args: Any, state: TrainerState, _control: Any, **_: Any) -> None:
        alike = [point["frac_reward_zero_std"] for point in state.log_history if "frac_reward_zero_std" in point]
        if alike:
            share = sum(alike) / len(alike)
            self._went.append(
                f"In training, all answers to a prompt were rewarded alike in {share:.0%} of the cases; those taught "
                "nothing about what is rewarded.".replace("%", " %")
            )
        self._went += [
            f"In training, the check “{verifiers()[key].title}” took too long on {plural(n, 'answer')}, which "
            f"{'counts' if n == 1 else 'count'} as not passed."
            for key, n in self._slow.items()
        ]

    @property
    def _slow(self) -> Counter[str]:
        """By check: on how many answers it has taken too long so far."""
        return self._slow_before + self._trainer.rewarding.slow

    def _picked(self) -> list[dict[str, Any]]:
        """The best and the worst answer to the first prompt of the step, and the best one to another."""
        groups: dict[int, list[dict[str, Any]]] = {}
        for asked, ids, rewards in self._trainer.seen:
            groups.setdefault(asked.row, []).append(self._shown(asked.text, asked.reference, ids, rewards))
        found: list[dict[str, Any]] = []
        for group in groups.values():
            ranked = sorted(group, key=lambda one: -one["reward"])
            found += [ranked[0], ranked[-1]] if ranked[-1]["reward"] < ranked[0]["reward"] else ranked[:1]
        return found[:PER_STEP]

    def _shown(self, prompt: str, reference: str, ids: list[int], rewards: dict[str, float]) -> dict[str, Any]:
        rewarding = self._trainer.rewarding
        text, ended = rewarding.read(ids)
        return {
            "prompt": shortened(prompt, LONGEST),
            "reference": shortened(reference, LONGEST),
            "answer": shortened(text, LONGEST),
            "ended": ended,
            "masked": rewarding.params.mask_truncated_completions,
            "rewards": rewards,
            "reward": rewarding.worth(rewards),
        }
