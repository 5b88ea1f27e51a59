"""The setup of a training on rewarded answers: the same for all objectives but for TRL's trainer and its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, TrainingArguments

from templates.quantities import plural
from templates.rewards import REWARD_MODEL, RewardedParams, metric_of
from workers.evaluation.generation import answers
from workers.rewards import checked, prompts
from workers.rewards.examples import Examples
from workers.rewards.judge import Judge
from workers.rewards.prompts import Asked
from workers.rewards.trainers import Rewarded, Rewarding
from workers.training.batches import Schedule
from workers.training.best import Criterion
from workers.training.setups import NAMED_ROWS, TrainingData, TrainingSetup, training_arguments

ON_THE_CHART = 64
"""Held-out prompts that are answered for a point of the live chart."""
HIGHEST_REWARD = Criterion("reward", "highest", sign=-1)
FEWEST_MISSED = Criterion("share not passed", "smallest")


def rewarded(
    data: TrainingData, trainer_class: type[Rewarded], config: type[TrainingArguments], settings: Mapping[str, Any]
) -> TrainingSetup:
    """`settings` are the arguments that only this objective has. Raises `BadInput` if no prompt is left."""
    params = data.params
    assert isinstance(params, RewardedParams)
    rewarding = Rewarding(params, data.renderer, data.reward)
    train, refused, hopeless = prompts.of_rows(data, data.train)
    prompts.refuse_nothing(data, train, hopeless)
    held_out, selection = (prompts.of_rows(data, rows)[0] for rows in (data.held_out, data.selection))
    schedule = Schedule(train, params)
    made, went = list[Rewarded](), _left_out(len(data.train), refused, hopeless, data.reward)

    def trainer(model: PreTrainedModel, folder: Path) -> Any:
        given = {**_of_sampling(rewarding), **settings}
        args = training_arguments(params, folder, schedule.n_updates, model, config, **given)
        made.append(trainer_class(model, args, schedule, rewarding))
        return made[-1]

    left_out = {"rows_refused": refused, "rows_not_checkable": hopeless}
    return TrainingSetup(
        n_updates=schedule.n_updates,
        trainer=trainer,
        held_out_loss=_shares(rewarding, _spaced(held_out)),
        selection_loss=_missed(rewarding, selection),
        chosen_by=HIGHEST_REWARD if data.reward else FEWEST_MISSED,
        remarks={
            kind: {"count": len(rows), "of": len(data.train), "rows": rows[:NAMED_ROWS]}
            for kind, rows in left_out.items()
            if rows
        },
        remarks_on=lambda _model, _stopped: went,
        callbacks=lambda channel: [Examples(channel, made.pop(), went)],
    )


def _left_out(n_rows: int, refused: Sequence[int], hopeless: Sequence[int], judge: Judge | None) -> list[str]:
    """Remarks for the verdict on rows that were not learned from."""
    found = []
    if refused:
        whose = "a chat template, the reward model’s among them" if judge else "the chat template"
        what = f"their prompt is too long, leaves no room for an answer, or is refused by {whose}"
        found.append(f"{len(refused):,} of {plural(n_rows, 'training row')} were left out: {what}.")
    if hopeless:
        what = "the checks find nothing to compare with in their answer"
        found.append(f"{len(hopeless):,} of {plural(n_rows, 'training row')} were left out: {what}.")
    return found


def _of_sampling(rewarding: Rewarding) -> dict[str, Any]:
    """TRL's arguments for writing and rewarding; one step writes what it learns."""
    params = rewarding.params
    return {
        "num_generations": params.num_generations,
        "per_device_train_batch_size": params.rows_at_once(0),
        "include_num_input_tokens_seen": "no",  # TRL counts prompts and answers itself
        "steps_per_generation": 1,
        "max_completion_length": params.max_completion_length,
        "temperature": params.temperature,
        "mask_truncated_completions": params.mask_truncated_completions,
        "reward_weights": list(rewarding.weights.values()),
        "disable_dropout": False,
    }


@dataclass(frozen=True)
class _Answering:
    rewarding: Rewarding
    asked: Sequence[Asked]

    def rewards(self, model: PreTrainedModel, stopped: Callable[[], bool]) -> dict[str, float]:
        """The mean of each reward of greedy answers, by its name. A cut one passes no check, and is scored as it is."""
        rewarding, picked = self.rewarding, self.rewarding.params.picked
        found = answers(
            model,
            [one.ids for one in self.asked],
            eos_ids=rewarding.renderer.eos_ids,
            max_new_tokens=rewarding.params.max_completion_length,
            stopped=stopped,
        )
        given = [[*one.ids, *([] if one.end is None else [one.end])] for one in found]
        table = [rewarding.passed(ids, one.reference, picked) for one, ids in zip(self.asked, given, strict=True)]
        shares = checked.shares(picked, table)
        means = {one.key: float(shares[metric_of(one.key)].mean()) for one in picked}
        if rewarding.judge:
            texts = [rewarding.read(ids)[0] for ids in given]
            scores, _ = rewarding.judge.scores([one.prompt for one in self.asked], texts, stopped)
            means[REWARD_MODEL] = sum(scores) / len(scores)
        return means


def _shares(
    rewarding: Rewarding, asked: Sequence[Asked]
) -> Callable[[PreTrainedModel, Callable[[], bool]], dict[str, float]] | None:
    """For the live chart: the mean rewards under the names of the training's metrics."""
    if not asked:
        return None

    def measure(model: PreTrainedModel, stopped: Callable[[], bool]) -> dict[str, float]:
        found = _Answering(rewarding, asked).rewards(model, stopped)
        return {"reward": rewarding.worth(found), **{metric_of(name): mean for name, mean in found.items()}}

    return measure


def _missed(
    rewarding: Rewarding, asked: Sequence[Asked]
) -> Callable[[PreTrainedModel, Callable[[], bool]], float] | None:
    """For choosing the best weights: the share that does not pass; with a reward model, the reward with its sign
    turned, as its scores have no highest value."""
    if not asked:
        return None
    most = 0.0 if rewarding.judge else sum(rewarding.weights.values())

    def measure(model: PreTrainedModel, stopped: Callable[[], bool]) -> float:
        missed = most - rewarding.worth(_Answering(rewarding, asked).rewards(model, stopped))
        return missed / most if most else missed

    return measure


def _spaced(asked: Sequence[Asked]) -> Sequence[Asked]:
    return asked[:: max(1, -(-len(asked) // ON_THE_CHART))]
