"""Muon in 32 bits is torch's own Muon, but for rounding."""

from __future__ import annotations

import pytest
import torch
from torch.optim import Muon

from workers import precision
from workers.training import optimizers
from workers.training.muon import Muon32, orthogonalised

SHAPES = ((64, 64), (64, 64), (176, 64), (64, 176))


def _trained(kind: type[Muon], n_updates: int = 3) -> tuple[list[torch.nn.Parameter], Muon]:
    generator = torch.Generator().manual_seed(0)
    parameters = [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]
    optimizer = kind(parameters, lr=0.02, weight_decay=0.05)
    for _ in range(n_updates):
        for parameter in parameters:
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        optimizer.step()
    return parameters, optimizer


def test_it_makes_the_updates_of_torchs_own() -> None:
    theirs, their_optimizer = _trained(Muon)
    ours, our_optimizer = _trained(Muon32)
    for before, a, b in zip(_trained(Muon, 0)[0], theirs, ours, strict=True):
        assert (a - b).norm() < 0.02 * (a - before).norm()  # theirs keeps eight bits
        one, other = their_optimizer.state[a]["momentum_buffer"], our_optimizer.state[b]["momentum_buffer"]
        torch.testing.assert_close(one, other)


def test_it_goes_on_from_the_state_of_torchs_own() -> None:
    _, theirs = _trained(Muon)
    ours, optimizer = _trained(Muon32, 0)
    optimizer.load_state_dict(theirs.state_dict())
    assert optimizer.state[ours[0]]["momentum_buffer"].abs().sum() > 0


def test_a_matrix_without_gradient_stays() -> None:
    (first, second, *_), optimizer = _trained(Muon32)
    first.grad, second.grad = None, torch.ones_like(second)
    before = first.clone(), second.clone()
    optimizer.step()
    assert torch.equal(first, before[0])
    assert not torch.equal(second, before[1])


@pytest.mark.parametrize("shape", [(2, 32, 32), (1, 96, 32), (3, 32, 96)])
def test_singular_values_come_near_one(shape: tuple[int, int, int]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    found = orthogonalised(matrices, coefficients=(3.4445, -4.7750, 2.0315), n_steps=5, eps=1e-7)
    assert found.shape == shape
    values = torch.linalg.svdvals(found)
    assert values.max() < 1.3
    assert values.median() > 0.6


@pytest.mark.parametrize(("able", "kind"), [(True, Muon), (False, Muon32)])
def test_a_processor_without_bfloat16_gets_it(able: bool, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda _where: able)
    layer = torch.nn.Linear(8, 8, bias=False)
    layer.get_output_embeddings = lambda: None  # type: ignore[assignment]
    made = optimizers.muon_adamw(layer, lr=0.02, adam_lr=0.004, weight_decay=0.05)  # type: ignore[arg-type]
    assert type(made) is kind
