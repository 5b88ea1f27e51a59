"""A label's score in the tree is the sum of its tokens' log probabilities, as the loss would have it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoraConfig, PrefixTuningConfig, PromptTuningConfig, get_peft_model

from templates.errors import StudioError
from workers import models
from workers.classification import label_logprobs, reading
from workers.classification.label_tokens import LabelEndings
from workers.evaluation.generation import Interrupted
from workers.evaluation.losses import losses

CONFIGS = {
    "lora": LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False),
    "prompt_tuning": PromptTuningConfig(num_virtual_tokens=3, task_type="CAUSAL_LM"),
    "prefix_tuning": PrefixTuningConfig(num_virtual_tokens=3, task_type="CAUSAL_LM"),
}


def by_losses(model: Any, prompts: Sequence[list[int]], labels: LabelEndings) -> Any:
    """The same scores, one row for each prompt and label."""
    rows = [
        [([*prompt, *ending], [False] * len(prompt) + [True] * len(ending))]
        for prompt in prompts
        for ending in labels.endings
    ]
    nll, _ = losses(model, rows)
    return -nll.reshape(len(prompts), -1)


@pytest.mark.parametrize("adapter", [None, *CONFIGS])
def test_scores_are_those_of_whole_rows(
    tiny: Any, prompts: list[list[int]], labels: LabelEndings, adapter: str | None
) -> None:
    torch.manual_seed(3)
    model = get_peft_model(tiny, CONFIGS[adapter]) if adapter else tiny
    try:
        found = label_logprobs.scored(model, prompts, labels.endings)
        assert np.abs(found - by_losses(model, prompts, labels)).max() < 2e-3
    finally:
        if adapter == "lora":
            model.unload()


def test_what_is_in_common_is_read_once(tiny: Any, prompts: list[list[int]], labels: LabelEndings) -> None:
    read, device = reading.of_model(tiny), torch.device("cpu")
    with torch.inference_mode():
        prefix = label_logprobs._shared(read, prompts, device)
        shared = label_logprobs.by_label(read, prompts, labels.endings, device, prefix, in_tree=True)
        alone = label_logprobs.by_label(read, prompts, labels.endings, device, in_tree=False)
    assert prefix.n_tokens > 24
    assert np.abs(shared - alone).max() < 2e-3


def test_a_model_that_cant_read_trees_reads_labels_one_by_one(
    tiny: Any, prompts: list[list[int]], labels: LabelEndings, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = label_logprobs.scored(tiny, prompts[:2], labels.endings)
    forward = type(tiny).forward

    def picky(self: Any, **inputs: Any) -> Any:
        if inputs["attention_mask"].ndim == 4:
            raise ValueError("only two dimensions")
        return forward(self, **inputs)

    monkeypatch.setattr(type(tiny), "forward", picky)
    picky.__signature__ = __import__("inspect").signature(forward)  # type: ignore[attr-defined]
    found = label_logprobs.scored(tiny, prompts[:2], labels.endings)
    assert np.abs(found - usual).max() < 2e-3


def test_a_tree_that_is_read_wrongly_is_noticed(
    tiny: Any, prompts: list[list[int]], labels: LabelEndings, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, device = reading.of_model(tiny), torch.device("cpu")
    monkeypatch.setattr(label_logprobs, "_seen", lambda mask, _before, sees: torch.ones(
        len(mask), 1, mask.shape[1] + len(sees), mask.shape[1] + len(sees), dtype=torch.bool
    ))  # fmt: skip
    with torch.inference_mode():
        assert not label_logprobs.works(read, prompts[:2], labels.endings, device)


def test_it_can_be_stopped(tiny: Any, prompts: list[list[int]], labels: LabelEndings) -> None:
    with pytest.raises(Interrupted):
        label_logprobs.scored(tiny, prompts, labels.endings, stopped=lambda: True)


def test_scores_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(StudioError, match="not numbers"):
        label_logprobs.refuse_not_numbers(np.array([[0.0, np.nan]]))


def test_no_prompts_no_scores(tiny: Any, labels: LabelEndings) -> None:
    assert label_logprobs.scored(tiny, [], labels.endings).shape == (0, len(labels.labels))


@pytest.mark.parametrize("quantization", ["int8", "nf4"])
def test_a_quantized_base_reads_trees(
    nano_folder: Path, prompts: list[list[int]], labels: LabelEndings, quantization: models.Quantization
) -> None:
    device = torch.device("cpu")
    read = reading.of_model(models.load_base(nano_folder, quantization, device))
    with torch.inference_mode():
        assert label_logprobs.works(read, prompts[:2], labels.endings, device)
