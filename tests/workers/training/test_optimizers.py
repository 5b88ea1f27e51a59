"""Muon and AdamW behind one face."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from workers.training.optimizers import MuonAdamW, muon_adamw


@pytest.fixture
def model(tiny_model_folder: Path) -> PreTrainedModel:
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_pretrained(tiny_model_folder, dtype=torch.float32)


def _made(model: PreTrainedModel) -> torch.optim.Optimizer:
    return muon_adamw(model, lr=0.02, adam_lr=0.004, weight_decay=0.05)


def _update(model: PreTrainedModel, optimizer: torch.optim.Optimizer, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    optimizer.step()


def test_matrices_go_to_muon_and_embeddings_and_norms_to_adamw(model: PreTrainedModel) -> None:
    optimizer = _made(model)
    assert isinstance(optimizer, MuonAdamW)
    muon, adamw = optimizer.param_groups
    assert muon["lr"] == 0.02
    assert adamw["lr"] == 0.004
    assert {p.ndim for p in muon["params"]} == {2}
    vocabulary = model.get_input_embeddings().weight
    assert any(p is vocabulary for p in adamw["params"])
    assert sum(p.numel() for group in optimizer.param_groups for p in group["params"]) == model.num_parameters()


def test_a_schedule_sets_the_rates_of_both(model: PreTrainedModel) -> None:
    optimizer = _made(model)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5**step)
    _update(model, optimizer, 1)
    schedule.step()
    before = [p.detach().clone() for p in model.parameters()]
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    _update(model, optimizer, 2)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_it_goes_on_from_its_saved_state(model: PreTrainedModel, tmp_path: Path) -> None:
    optimizer = _made(model)
    _update(model, optimizer, 1)
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "state.pt")
    _update(model, optimizer, 2)
    expected = {name: p.detach().clone() for name, p in model.named_parameters()}
    saved = torch.load(tmp_path / "state.pt", weights_only=True)
    model.load_state_dict(saved["model"])
    again = _made(model)
    again.load_state_dict(saved["optimizer"])
    for group in again.param_groups:
        assert group["params"]
    _update(model, again, 2)
    assert all(torch.equal(expected[name], p) for name, p in model.named_parameters())


def test_without_matrices_adamw_does_it_alone(model: PreTrainedModel) -> None:
    for parameter in model.parameters():
        parameter.requires_grad_(parameter.ndim == 1)
    assert isinstance(_made(model), torch.optim.AdamW)
