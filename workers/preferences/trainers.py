"""What TRL's trainers for preferences do differently here: they read token ids, and keep no copy of an adapter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoTokenizer, PreTrainedModel, Trainer, TrainingArguments
from transformers.trainer_callback import PrinterCallback
from trl.trainer.utils import selective_log_softmax

from workers import sharing
from workers.evaluation.generation import Interrupted
from workers.evaluation.predictions import forward_arguments
from workers.preferences.token_rows import padded_pairs
from workers.training.batches import Pair, Schedule


class OnTokens:
    """Goes before a trainer of TRL's, whose rows are then token ids and whose reference is the adapter switched off."""

    train_dataset: Any

    def __init__(
        self,
        model: PreTrainedModel,
        args: TrainingArguments,
        schedule: Schedule[Any],
        items: Sequence[Any],
        tokenizer_folder: Path,
    ):
        self.items = items
        tokenizer = AutoTokenizer.from_pretrained(str(tokenizer_folder), local_files_only=True)
        trained = {name: p.dtype for name, p in model.named_parameters() if p.requires_grad}
        super().__init__(
            model=model,
            args=args,
            train_dataset=Dataset.from_dict({"number": list(range(self.n_read_before(args)))}),
            data_collator=self.collate,
            processing_class=tokenizer,
        )  # type: ignore[call-arg]
        if "ref" in getattr(model, "peft_config", {}):
            model.delete_adapter("ref")  # TRL's copy of the fresh adapter; switching the adapter off does the same
        for name, parameter in model.named_parameters():
            if name in trained:  # which TRL halves on a quantized base
                parameter.data = parameter.data.to(trained[name])
        self.read_before()
        self.train_dataset = schedule
        self.remove_callback(PrinterCallback)  # type: ignore[attr-defined]

    def n_read_before(self, _args: Any) -> int:
        """Number of rows that TRL gets before the training; it takes no fewer than one."""
        return 1

    def read_before(self) -> None:
        """Called once TRL has read its rows."""

    @property
    def pad_id(self) -> int:
        """The token for padding, which is never learned."""
        tokenizer: Any = self.processing_class  # type: ignore[attr-defined]
        return int(tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id)

    def collate(self, items: Sequence[Any]) -> dict[str, torch.Tensor]:
        """A micro-batch of the schedule."""
        return self.padded(items[0])

    def padded(self, items: Sequence[Any]) -> dict[str, torch.Tensor]:
        """Items as the loss takes them; unless overridden, pairs."""
        pairs: Sequence[Pair] = items
        return padded_pairs(pairs, self.pad_id)

    def batch_loss(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """The loss of held-out items, which leaves no trace among the metrics of the training."""
        loss: torch.Tensor = self.compute_loss(self.model, inputs)  # type: ignore[attr-defined]
        self._metrics["eval"].clear()  # type: ignore[attr-defined]
        return loss

    def mean_loss(self, items: Sequence[Any], at_once: int, stopped: Callable[[], bool]) -> float:
        """The loss on held-out items. Raises `Interrupted` once `stopped()` is true."""
        total = 0.0
        for start in range(0, len(items), at_once):
            if stopped():
                raise Interrupted
            some = items[start : start + at_once]
            with torch.no_grad(), self.compute_loss_context_manager():  # type: ignore[attr-defined]
                inputs = self._prepare_inputs(self.padded(some))  # type: ignore[attr-defined]
                total += len(some) * float(self.batch_loss(inputs))
        return total / len(items)

    def _prepare_dataset(self, dataset: Dataset, *_others: Any) -> Dataset:
        """Return the dataset as it is."""
        return dataset

    def _save_checkpoint(self, model: PreTrainedModel, trial: Any) -> None:
        """Save without TRL's model card."""
        Trainer._save_checkpoint(self, model, trial)


def as_it_is(feature: dict[str, Any], **_others: Any) -> dict[str, Any]:
    """Takes the place of TRL's tokenisation of a row."""
    return feature


class WithoutReference(OnTokens):
    """Goes before TRL's trainers for ORPO and CPO, which have no reference."""

    tokenize_row = staticmethod(as_it_is)

    def batch_loss(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """The loss of held-out pairs."""
        loss, _metrics = self.get_batch_loss_metrics(self.model, inputs)  # type: ignore[attr-defined]
        found: torch.Tensor = loss
        return found

    def concatenated_forward(self, model: Any, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """Chosen and rejected answers' mean log probability per learned token, logits, and the chosen ones' mean loss.

        TRL's own pads the two sides itself, and for ORPO also learns the prompts.
        """
        n_pairs = len(batch["input_ids"]) // 2
        outputs, log_probs, learned = _predicted(model, batch, self.aux_loss_enabled)  # type: ignore[attr-defined]
        sums, sizes = log_probs.sum(-1), learned.sum(-1)
        means, logits = sums / sizes, outputs.logits.detach()
        nll = -sums[:n_pairs].sum() / sizes[:n_pairs].sum()
        found = means[:n_pairs], means[n_pairs:], logits[:n_pairs], logits[n_pairs:], nll
        return (*found, outputs.aux_loss) if self.aux_loss_enabled else found  # type: ignore[attr-defined]


def _predicted(model: Any, batch: dict[str, torch.Tensor], routed: bool) -> tuple[Any, torch.Tensor, torch.Tensor]:
    """The model's outputs, log probabilities of learned tokens (0 elsewhere), and which those are."""
    ids, learned = batch["input_ids"], batch["completion_mask"].bool()
    first = max(1, int(learned.any(0).nonzero()[0]))
    keep = ids.shape[1] - first + 1  # prompts need no logits, the largest tensor with a large vocabulary
    may_keep = "logits_to_keep" in forward_arguments(model) and not sharing.has_virtual_tokens(model)
    outputs = model(
        input_ids=ids,
        attention_mask=batch["attention_mask"],
        use_cache=False,
        **({"logits_to_keep": keep} if may_keep else {}),
        **({"output_router_logits": True} if routed else {}),
    )
    learned = learned[:, first:]
    found = selective_log_softmax(outputs.logits[:, -keep:-1].float(), ids[:, first:])
    return outputs, found.masked_fill(~learned, 0.0), learned
