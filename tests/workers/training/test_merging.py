"""An adapter is merged exactly, once for all attempts, and not at all if the answers would change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from peft import LoraConfig, get_peft_model

from storage import files
from storage.rendering.renderer import Renderer
from templates.errors import StudioError
from workers import models
from workers.export import bundle
from workers.protocol import ModelRef
from workers.training import merging

ROWS = [{"text": "where is my card?", "label": "card"}, {"text": "a refund, please", "label": "refund"}]


@pytest.fixture
def adapter_on(tmp_path: Path) -> Callable[..., ModelRef]:
    """Saves a random LoRA adapter of this strength on a base."""

    def saved(base: Path, strength: float, **lora: Any) -> ModelRef:
        torch.manual_seed(3)
        config = LoraConfig(**{"r": 4, "target_modules": "all-linear", "task_type": "CAUSAL_LM", **lora})
        model = get_peft_model(models.load_base(base), config)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "lora_B" in name:
                    parameter.normal_(0, strength)
        model.save_pretrained(tmp_path / "adapter")
        folder = str(tmp_path / "adapter")
        return ModelRef(name="tone", base_folder=str(base), base_revision="1", adapter_folder=folder)

    return saved


def merged(parent: ModelRef, home: Path) -> Path:
    renderer = Renderer(Path(parent.base_folder))
    return merging._merged(parent, home, merging._probes(renderer, "classification", ROWS))


@pytest.mark.parametrize("lora", [{}, pytest.param({"use_dora": True}, marks=pytest.mark.long)])
def test_the_merged_model_answers_like_base_and_adapter(
    adapter_on: Callable[..., ModelRef], tiny_model_folder: Path, tmp_path: Path, lora: dict[str, Any]
) -> None:
    parent = adapter_on(tiny_model_folder, 0.3, **lora)
    folder = merged(parent, tmp_path)
    prompt = torch.tensor([Renderer(folder).prompt([{"role": "user", "content": "a card?"}])])
    with torch.no_grad():
        found = models.load_base(folder)(input_ids=prompt).logits
        wanted = models.load(parent)(input_ids=prompt).logits
        plain = models.load_base(tiny_model_folder)(input_ids=prompt).logits
    assert float((found - wanted).abs().max()) < 1e-4
    assert float((plain - wanted).abs().max()) > 0.1
    assert Renderer(folder).template == Renderer(tiny_model_folder).template


@pytest.mark.parametrize(
    ("strength", "stored"), [pytest.param(0.3, torch.bfloat16, marks=pytest.mark.long), (1e-4, torch.float32)]
)
def test_what_16_bits_would_lose_is_kept_in_32(
    adapter_on: Callable[..., ModelRef], nano_folder: Path, tmp_path: Path, strength: float, stored: torch.dtype
) -> None:
    merging_needs_it = adapter_on(nano_folder, strength)
    weights = safetensors.torch.load_file(merged(merging_needs_it, tmp_path) / "model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {stored}


def test_a_merge_that_changes_the_answers_is_refused(
    adapter_on: Callable[..., ModelRef], tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "_distance", lambda one, other: 1.0)
    with pytest.raises(StudioError, match="“tone” can't be merged into its base") as refused:
        merged(adapter_on(tiny_model_folder, 0.3), tmp_path)
    assert refused.value.code == "merge_failed"
    assert "same_adapter" in str(refused.value.problems[0].remedy)


def test_a_second_training_shares_the_merged_weights_of_the_first(
    adapter_on: Callable[..., ModelRef], tiny_model_folder: Path, tmp_path: Path
) -> None:
    first = merged(adapter_on(tiny_model_folder, 0.3), tmp_path)
    sha256 = bundle.weights_sha256_of(first)
    earlier = ModelRef(name="first", base_folder=str(first), base_revision=sha256)
    taken = merging._taken(earlier, tmp_path / "other")
    assert taken is not None
    assert (taken / "model.safetensors").samefile(first / "model.safetensors")
    assert files.flaw(taken) is None
    assert Renderer(taken).template == Renderer(first).template
    damaged = earlier.model_copy(update={"base_revision": "0" * 64})
    assert merging._taken(damaged, tmp_path / "other") is None
