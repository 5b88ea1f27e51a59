"""What TRL's trainers for reinforcement learning do differently here.

TRL groups, rewards and weights the answers, and computes the losses. Prompts, their order, writing and reading of
answers, and the log probabilities are the studio's: so every architecture and every adapter works that can be trained
otherwise, a killed training goes on with the same draws, and answers are read as in the verdict.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from torch.utils.data import DataLoader, SequentialSampler
from transformers import AutoTokenizer, PreTrainedModel, Trainer, TrainingArguments
from transformers.trainer_callback import PrinterCallback
from trl import GRPOTrainer, RLOOTrainer

from storage.rendering.renderer import Renderer
from templates.rewards import REWARD_MODEL, Picked, RewardedParams
from workers import sharing
from workers.evaluation.generation import answers
from workers.evaluation.predictions import forward_arguments
from workers.rewards import checked
from workers.rewards.judge import Judge
from workers.rewards.prompts import Asked
from workers.training.batches import Schedule

TOO_SLOW = "too_slow/"
"""Goes before a check's key in the log: on how many answers of the step it took too long."""
Row = dict[str, Any]
"""What TRL knows of an answer to write: the prompt's text, and the prompt itself under `asked`."""


@dataclass(frozen=True)
class Rewarding:
    """How answers are written, read and rewarded."""

    params: RewardedParams
    renderer: Renderer
    judge: Judge | None = None
    """The reward model, if one rewards answers."""
    slow: Counter[str] = field(default_factory=Counter)
    """By check: the answers written in training on which it took too long. They don't pass it."""

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each reward by its name, in the order of `functions`."""
        of_judge = {REWARD_MODEL: self.params.reward_model_weight} if self.judge else {}
        return {one.key: one.weight for one in self.params.picked} | of_judge

    def worth(self, rewards: Mapping[str, float]) -> float:
        """The reward of an answer, given those that it is made of."""
        return sum(weight * rewards[name] for name, weight in self.weights.items())

    def read(self, ids: Sequence[int]) -> tuple[str, bool]:
        """An answer's text, and whether the model ended it."""
        ended = bool(ids) and ids[-1] in self.renderer.eos_ids
        found = self.renderer.read(ids[:-1] if ended else ids, reasoned=True)
        return found.answer, (ended or found.has_ended) and not found.is_unfinished

    def passed(
        self, ids: Sequence[int], reference: str, picked: Sequence[Picked], slow: Counter[str] | None = None
    ) -> list[bool]:
        """Which of these checks an answer passes; `slow` counts those that took too long."""
        text, ended = self.read(ids)
        counts = ended or not self.params.mask_truncated_completions
        return checked.passed(picked, text, reference, counts=counts, slow=slow)

    def scores(self, asked: Sequence[Asked], ids: Sequence[Sequence[int]]) -> list[float]:
        """The reward model's scores for answers that are compared, `num_generations` to each prompt in turn.

        An answer that it can't read to its end scores no higher than the lowest of the others to the same prompt. So
        does one that was cut off, unless such answers are learned like the others: ending must never cost anything.
        """
        assert self.judge
        read = [self.read(one) for one in ids]
        found, whole = self.judge.scores([one.prompt for one in asked], [text for text, _ in read])
        n, cut_count = self.params.num_generations, not self.params.mask_truncated_completions
        ended = [is_whole and (end or cut_count) for is_whole, (_, end) in zip(whole, read, strict=True)]
        for start in range(0, len(found), n):
            places = range(start, start + n)
            lowest = min((found[at] for at in places if ended[at]), default=math.inf)
            for at in places:
                found[at] = found[at] if ended[at] else min(found[at], lowest)
        return found

    @property
    def functions(self) -> list[Callable[..., list[float]]]:
        """TRL's reward functions."""

        def score(*, asked: Sequence[Asked], completion_ids: Sequence[Sequence[int]], **_: Any) -> list[float]:
            return self.scores(asked, completion_ids)

        score.__name__ = REWARD_MODEL
        return [*(self.function(one) for one in self.params.picked), *([score] if self.judge else [])]

    def function(self, one: Picked) -> Callable[..., list[float]]:
        """TRL's reward function for a check."""

        def reward(*, asked: Sequence[Asked], completion_ids: Sequence[Sequence[int]], **_: Any) -> list[float]:
            each = zip(asked, completion_ids, strict=True)
            return [float(self.passed(ids, prompt.reference, [one], self.slow)[0]) for prompt, ids in each]

        reward.__name__ = one.key  # TRL names its metrics after it
        return reward


class Rewarded:
    """Goes before a trainer of TRL's."""

    train_dataset: Any
    args: Any

    def __init__(
        self, model: PreTrainedModel, args: TrainingArguments, schedule: Schedule[Asked], rewarding: Rewarding
    ):
        self.rewarding = rewarding
        self._slow_logged = Counter[str]()
        beta, args.beta = args.beta, 0.0  # with a distance, TRL would copy the adapter, or load the base again
        trained = {name: p.dtype for name, p in model.named_parameters() if p.requires_grad}
        super().__init__(
            model=model,
            reward_funcs=rewarding.functions,
            args=args,
            train_dataset=Dataset.from_dict({"prompt": [""]}),
            processing_class=AutoTokenizer.from_pretrained(str(rewarding.renderer.folder), local_files_only=True),
        )  # type: ignore[call-arg]
        self.beta = args.beta = beta
        for name, parameter in model.named_parameters():
            if name in trained:  # which TRL halves on a quantized base
                parameter.data = parameter.data.to(trained[name])
        self.eos_token_ids = list(rewarding.renderer.eos_ids)
        self.aux_loss_enabled = False  # the studio's forward passes return none
        self.train_dataset = schedule
        self.data_collator = self.repeated
        self.seen: list[tuple[Asked, list[int], dict[str, float]]] = []
        """The answers of the last step with their rewards by name."""
        self.remove_callback(PrinterCallback)  # type: ignore[attr-defined]

    def repeated(self, items: Sequence[Sequence[Asked]]) -> list[Row]:
        """A micro-batch of the schedule: each prompt as often as it is answered, one after the other."""
        n = self.rewarding.params.num_generations
        return [{"prompt": asked.text, "asked": asked} for asked in items[0] for _ in range(n)]

    def get_train_dataloader(self) -> DataLoader[Any]:
        """The schedule in its order; it has shuffled already."""
        found: DataLoader[Any] = self._get_dataloader(  # type: ignore[attr-defined]
            dataset=self.train_dataset,
            description="Training",
            batch_size=1,
            sampler_fn=SequentialSampler,
            is_training=True,
        )
        return found

    def _generate_and_score_completions(self, inputs: list[Row]) -> dict[str, Any]:
        self._asked = [row["asked"] for row in inputs]
        found: dict[str, Any] = super()._generate_and_score_completions(inputs)  # type: ignore[misc]
        return found

    def _tokenize_prompts(self, _prompts: Sequence[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
        return [list(asked.ids) for asked in self._asked], None, {}

    def _calculate_rewards(self, inputs: list[Row], prompts: Any, completions: Any, ids: list[list[int]]) -> Tensor:
        found: Tensor = super()._calculate_rewards(inputs, prompts, completions, ids)  # type: ignore[misc]
        table = [dict(zip(self.rewarding.weights, values, strict=True)) for values in found.tolist()]
        self.seen = list(zip(self._asked, ids, table, strict=True))
        return found

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log, too, on how many answers checks took too long since the last time: a killed attempt's count is kept."""
        slow = self.rewarding.slow
        logs |= {TOO_SLOW + key: float(n) for key, n in (slow - self._slow_logged).items()}
        self._slow_logged = slow.copy()
        super().log(logs, start_time)  # type: ignore[misc]

    def written(self, prompt_ids: Sequence[Sequence[int]]) -> list[list[int]]:
        """The model's answers, each with the token that ended it."""
        params = self.rewarding.params
        found = answers(
            self.model,  # type: ignore[attr-defined]
            prompt_ids,
            eos_ids=self.eos_token_ids,
            max_new_tokens=params.max_completion_length,
            sampling={"temperature": params.temperature, "top_k": 0, "top_p": 1.0},
        )
        return [[*one.ids, *([] if one.end is None else [one.end])] for one in found]

    def _get_per_token_logps_and_entropies(
        self, model: Any, ids: Tensor, mask: Tensor, n_kept: int, *_: Any, compute_entropy: bool = False, **__: Any
    ) -> tuple[Tensor, Tensor | None, None]:
        """Of the last `n_kept` tokens, `(rows, n_kept)`: log probabilities, and the distributions' entropies."""
        together = sharing.may_share(model)
        rows = zip(ids, mask, strict=True)
        parts = [(ids, mask)] if together else [_alone(row, of_row, n_kept) for row, of_row in rows]
        found = [self._read(model, *part, n_kept, compute_entropy) for part in parts]
        logps = torch.cat([one for one, _ in found])
        entropies = torch.cat([one for _, one in found if one is not None]) if compute_entropy else None
        return logps, entropies, None

    def _read(self, model: Any, ids: Tensor, mask: Tensor, n_kept: int, wants: bool) -> tuple[Tensor, Tensor | None]:
        takes = forward_arguments(model)
        given: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
        if not sharing.has_virtual_tokens(model):
            given |= {"position_ids": (mask.cumsum(1) - 1).clamp(min=0)} if "position_ids" in takes else {}
            given |= {"logits_to_keep": n_kept + 1} if "logits_to_keep" in takes else {}
        given |= {"use_cache": False} if "use_cache" in takes else {}
        with self.accelerator.autocast():  # type: ignore[attr-defined]
            logits = model(**given).logits[:, -n_kept - 1 : -1]
        spread = (logits.float() / self.rewarding.params.temperature).log_softmax(-1)
        logps = spread.gather(-1, ids[:, -n_kept:, None]).squeeze(-1)
        with torch.no_grad():
            entropies = -(spread.exp() * spread).sum(-1) if wants else None
        return logps, entropies

    def _save_checkpoint(self, model: PreTrainedModel, trial: Any) -> None:
        """Save without TRL's model card."""
        Trainer._save_checkpoint(self, model, trial)


def _alone(ids: Tensor, mask: Tensor, n_kept: int) -> tuple[Tensor, Tensor]:
    """One row without the padding before its prompt, for models that padding would change: both `(1, time)`."""
    n_padding = int((mask[:-n_kept] == 0).sum())
    return ids[None, n_padding:], torch.ones_like(mask[None, n_padding:])


class Grpo(Rewarded, GRPOTrainer):  # type: ignore[misc]
    """TRL's trainer on the studio's prompts."""

    def _generate_single_turn(self, prompt_ids: Sequence[Sequence[int]], *_: Any) -> tuple[list[list[int]], None]:
        return self.written(prompt_ids), None


class Rloo(Rewarded, RLOOTrainer):  # type: ignore[misc]
    """TRL's trainer on the studio's prompts."""

    def _generate_and_score_completions(self, inputs: list[Row]) -> dict[str, Any]:
        found = super()._generate_and_score_completions(inputs)
        # TRL measures the spread after it has subtracted the distance to the base, which hardly ever is the same twice
        self._metrics["train"]["frac_reward_zero_std"][-1] = self._share_alike()
        return found

    def _share_alike(self) -> float:
        """The share of the prompts whose answers were rewarded alike."""
        worth = [self.rewarding.worth(rewards) for _, _, rewards in self.seen]
        groups = torch.tensor(worth).view(-1, self.rewarding.params.num_generations)
        return float(torch.isclose(groups, groups[:, :1]).all(1).float().mean())

    def _generate_single_turn(self, prompt_ids: Sequence[Sequence[int]], *_: Any) -> list[list[int]]:
        return self.written(prompt_ids)
