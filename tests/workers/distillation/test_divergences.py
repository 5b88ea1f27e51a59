"""The divergences are those of the papers, and their gradients those of the plain formulas."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from templates.objectives.distill_logits import DistillLogitsParams
from workers.distillation import divergences, kept_forms
from workers.distillation.divergences import Targets

N, VOCABULARY = 6, 40


def params(**settings: Any) -> DistillLogitsParams:
    return DistillLogitsParams(**{"teacher_cache": "full", **settings})


def logits(seed: int) -> Tensor:
    return 2 * torch.randn(N, VOCABULARY, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def kept(log_p: Tensor, settings: DistillLogitsParams, seed: int = 0) -> Targets:
    form = kept_forms.of(settings)
    return form.targets(form.kept(log_p.float(), torch.Generator().manual_seed(seed)), [slice(0, N)])


TEACHER, STUDENT, LABELS = logits(1), logits(2), torch.arange(N)
P, Q = TEACHER.softmax(-1), STUDENT.softmax(-1)


def kl(one: Tensor, other: Tensor) -> Tensor:
    return (one * (one / other).log()).sum(-1)


PLAIN = {
    "forward_kl": kl(P, Q),
    "reverse_kl": kl(Q, P),
    "jsd": 0.3 * kl(P, 0.3 * P + 0.7 * Q) + 0.7 * kl(Q, 0.3 * P + 0.7 * Q),
    "skew_forward": kl(P, 0.1 * P + 0.9 * Q),
    "skew_reverse": kl(Q, 0.9 * P + 0.1 * Q),
}


@pytest.mark.parametrize("name", PLAIN)
def test_full_distributions_give_the_papers_formulas(name: str) -> None:
    settings = params(divergence=name, beta=0.3)
    found = divergences.distances(STUDENT.float(), kept(TEACHER.log_softmax(-1), settings), settings)
    torch.testing.assert_close(found.double(), PLAIN[name], atol=3e-3, rtol=3e-3)


@pytest.mark.parametrize("name", PLAIN)
def test_a_list_with_all_others_together_is_never_farther_than_the_whole(name: str) -> None:
    settings = params(divergence=name, teacher_cache="top_k", top_k=8, beta=0.3)
    listed = divergences.distances(STUDENT.float(), kept(TEACHER.log_softmax(-1), settings), settings).double()
    assert (listed <= PLAIN[name] + 3e-3).all()
    whole = settings.model_copy(update={"top_k": VOCABULARY - 1})
    found = divergences.distances(STUDENT.float(), kept(TEACHER.log_softmax(-1), whole), whole)
    torch.testing.assert_close(found.double(), PLAIN[name], atol=4e-3, rtol=4e-3)


def test_a_sample_is_right_on_average_and_so_is_its_gradient() -> None:
    settings = DistillLogitsParams(draws=8)
    student = STUDENT.float().requires_grad_()
    n = 400
    for seed in range(n):
        targets = kept(TEACHER.log_softmax(-1), settings, seed)
        (divergences.losses(student, LABELS, targets, settings).sum() / n).backward()
    assert student.grad is not None
    torch.testing.assert_close(student.grad.double(), Q - P, atol=0.015, rtol=0)
    means = torch.stack(
        [divergences.distances(STUDENT.float(), kept(TEACHER.log_softmax(-1), settings, s), settings) for s in range(n)]
    ).mean(0)
    torch.testing.assert_close(means.double(), PLAIN["forward_kl"], atol=0.12, rtol=0.05)


def test_the_gradient_at_some_ids_is_that_of_the_whole() -> None:
    ids = torch.tensor([[1, 5, 5], [0, 2, 39]] * (N // 2))
    weights = torch.rand(N, 3, generator=torch.Generator().manual_seed(3)).double()
    gradients = []
    for at in (divergences.log_probabilities_at, lambda z, i: z.log_softmax(-1).gather(-1, i)):
        student = STUDENT.clone().requires_grad_()
        (weights * at(student, ids).exp()).sum().backward()
        assert student.grad is not None
        gradients.append(student.grad)
    torch.testing.assert_close(gradients[0], gradients[1])


@pytest.mark.parametrize("cache", ["sampling", "top_k", "full"])
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_the_loss_is_hintons_with_a_share_of_the_rows_own_answers(cache: str, temperature: float) -> None:
    settings = params(teacher_cache=cache, temperature=temperature, ce_share=0.25)
    targets = kept((TEACHER / temperature).log_softmax(-1), settings)
    found = divergences.losses(STUDENT.float(), LABELS, targets, settings)
    distance = divergences.distances(STUDENT.float(), targets, settings)
    own = torch.nn.functional.cross_entropy(STUDENT.float(), LABELS, reduction="none")
    torch.testing.assert_close(found, 0.75 * temperature**2 * distance + 0.25 * own, atol=1e-5, rtol=1e-5)


def test_targets_travel_in_a_batch() -> None:
    targets = kept(TEACHER.log_softmax(-1), DistillLogitsParams())
    batch: dict[str, Any] = {"input_ids": LABELS, **targets.as_inputs()}
    assert Targets.taken_from(batch) == targets
    assert list(batch) == ["input_ids"]
