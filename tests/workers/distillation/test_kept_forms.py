"""Each form takes as little room as it says and gives back what was put in."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from storage.bases import checkpoint_headers
from templates.objectives.distill_logits import SPEC, DistillLogitsParams
from workers.distillation import kept_forms
from workers.distillation.kept_forms import Full, Listed, Sampled

SEED = torch.Generator().manual_seed(0)


def log_p(n: int, vocabulary: int) -> torch.Tensor:
    return (3 * torch.randn(n, vocabulary, generator=torch.Generator().manual_seed(4))).log_softmax(-1)


def test_a_sample_holds_each_token_once_with_its_share_of_the_draws() -> None:
    form, told = Sampled(50), log_p(7, 300)
    arrays = form.kept(told, torch.Generator().manual_seed(1))
    targets = form.targets(arrays, [slice(2, 4), slice(6, 7)])
    assert targets.ids is not None
    assert targets.weights is not None
    assert targets.entropy is not None
    assert targets.ids.shape == targets.weights.shape == (3, int(arrays["counts"][[2, 3, 6]].max()))
    torch.testing.assert_close(targets.weights.sum(-1), torch.ones(3))
    for row in range(3):
        ids = targets.ids[row][targets.weights[row] > 0]
        assert len(set(ids.tolist())) == len(ids)
    torch.testing.assert_close(targets.entropy, torch.special.entr(told.exp()).sum(-1)[[2, 3, 6]], atol=3e-3, rtol=1e-3)


@pytest.mark.parametrize("vocabulary", [300, 70_000])
def test_ids_survive_whatever_the_vocabulary(vocabulary: int) -> None:
    told = log_p(3, vocabulary)
    form = Listed(5)
    targets = form.targets(form.kept(told, SEED), [slice(0, 3)])
    assert targets.ids is not None
    assert targets.ids.tolist() == told.topk(5).indices.tolist()
    assert targets.log_p is not None
    torch.testing.assert_close(targets.log_p.exp().sum(-1), torch.ones(3))


def test_a_full_distribution_comes_back() -> None:
    told = log_p(4, 50)
    found = Full().targets(Full().kept(told, SEED), [slice(0, 4)]).log_p
    assert found is not None
    torch.testing.assert_close(found, told, atol=5e-3, rtol=1e-3)


@pytest.mark.parametrize("cache", ["sampling", "top_k", "full"])
def test_no_form_takes_more_room_than_planned(cache: str, nano_folder: object) -> None:
    facts = checkpoint_headers.facts(nano_folder)  # type: ignore[arg-type]
    params = DistillLogitsParams(teacher_cache=cache)  # type: ignore[arg-type]
    arrays = kept_forms.of(params).kept(log_p(20, facts.vocab_size), SEED)
    n_bytes = sum(array.nbytes for array in arrays.values()) / 20
    assert 0.1 * SPEC.kept_bytes(params, facts) < n_bytes <= SPEC.kept_bytes(params, facts)


def test_a_sharp_teacher_takes_few_bytes() -> None:
    told = (12 * torch.randn(100, 4864, generator=torch.Generator().manual_seed(4))).log_softmax(-1)
    arrays = Sampled(50).kept(told, SEED)
    assert sum(array.nbytes for array in arrays.values()) / 100 < 20


def test_joined_samples_are_padded_with_nothing() -> None:
    form = Sampled(9)
    ones = [form.targets(form.kept(log_p(2, vocabulary), SEED), [slice(0, 2)]) for vocabulary in (2, 400)]
    joined = kept_forms.joined(ones)
    assert joined.weights is not None
    np.testing.assert_allclose(joined.weights.sum(-1), 1, rtol=1e-6)
