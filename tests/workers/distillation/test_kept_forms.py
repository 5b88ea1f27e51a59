"""Each form takes as little room as it says and gives back what was put in."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from storage.bases import checkpoint_headers
from templates.objectives.distill_logits import SPEC, DistillLogitsParams
from workers.distillation import kept_forms
from workers.distillation.kept_forms import Full, Listed, Sampled

SEED = torch.Generator().manual_seed(0)


def log_p(n: int, vocabulary: int) -> torch.Tensor:
    return (3 * torch.randn(n, vocabulary, generator=torch.Generator().manual_seed(4))).log_softmax(-1)


def test_a_sample_holds_different_tokens_whose_weights_sum_to_one() -> None:
    form, told = Sampled(9), log_p(7, 300)
    targets = form.targets(form.kept(told, torch.Generator().manual_seed(1)), [slice(2, 4), slice(6, 7)])
    assert targets.ids is not None
    assert targets.weights is not None
    assert targets.entropy is not None
    assert targets.ids.shape == targets.weights.shape == (3, 9)
    torch.testing.assert_close(targets.weights.sum(-1), torch.ones(3))
    assert all(len(set(row)) == 9 for row in targets.ids.tolist())
    torch.testing.assert_close(targets.entropy, torch.special.entr(told.exp()).sum(-1)[[2, 3, 6]], atol=3e-3, rtol=1e-3)


def test_likely_tokens_are_always_kept_as_they_are_and_others_on_average() -> None:
    form, told = Sampled(6), log_p(1, 60)
    p, n = told.exp()[0], 3000
    generator = torch.Generator().manual_seed(2)
    targets = form.targets(form.kept(told.expand(n, -1), generator), [slice(0, n)])
    assert targets.ids is not None
    assert targets.weights is not None
    dense = torch.zeros(n, 60).scatter_(1, targets.ids, targets.weights)
    torch.testing.assert_close(dense.mean(0), p, atol=0.006, rtol=0)
    likeliest = int(p.argmax())
    torch.testing.assert_close(dense[:, likeliest], p[likeliest].expand(n), atol=1e-3, rtol=1e-3)


def test_an_almost_certain_token_keeps_its_weight_whatever_rounding_leaves() -> None:
    p = torch.full((400, 3000), 1e-9)
    p[:, 7] = 1 + 1e-7 * torch.linspace(-3, 3, 400)
    form = Sampled(11)
    targets = form.targets(form.kept(p.log(), torch.Generator().manual_seed(1)), [slice(0, 400)])
    assert targets.ids is not None
    assert targets.weights is not None
    torch.testing.assert_close(targets.weights.max(-1).values, torch.ones(400), atol=1e-4, rtol=0)
    assert (targets.ids.gather(1, targets.weights.argmax(-1, keepdim=True)) == 7).all()


@pytest.mark.parametrize("scale", [0.0, 1e-3, 60.0, 1e4])
def test_flat_and_certain_teachers_can_be_drawn_from(scale: float) -> None:
    told = (scale * torch.randn(5, 100, generator=torch.Generator().manual_seed(4))).log_softmax(-1)
    targets = Sampled(8).targets(Sampled(8).kept(told, SEED), [slice(0, 5)])
    assert targets.weights is not None
    assert torch.isfinite(targets.weights).all()
    torch.testing.assert_close(targets.weights.sum(-1), torch.ones(5))
    assert targets.ids is not None
    assert all(int(told[row].argmax()) in targets.ids[row] for row in range(5) if scale > 1)


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
def test_no_form_takes_more_room_than_planned(cache: str, nano_folder: Path) -> None:
    facts = checkpoint_headers.facts(nano_folder)
    params = DistillLogitsParams(teacher_cache=cache)  # type: ignore[arg-type]
    arrays = kept_forms.of(params).kept(log_p(20, facts.vocab_size), SEED)
    n_bytes = sum(array.nbytes for array in arrays.values()) / 20
    assert 0.1 * SPEC.kept_bytes(params, facts) < n_bytes <= SPEC.kept_bytes(params, facts)


def test_a_sample_stays_below_sixty_bytes(nano_folder: Path) -> None:
    facts = checkpoint_headers.facts(nano_folder)
    for vocab_size in (4864, 150_000):
        assert SPEC.kept_bytes(DistillLogitsParams(), facts.model_copy(update={"vocab_size": vocab_size})) <= 60


def test_joined_targets_follow_each_other() -> None:
    form = Sampled(9)
    arrays = form.kept(log_p(4, 400), SEED)
    joined = kept_forms.joined([form.targets(arrays, [slice(0, 1)]), form.targets(arrays, [slice(1, 4)])])
    whole = form.targets(arrays, [slice(0, 4)])
    assert joined.ids is not None
    assert whole.ids is not None
    assert joined.ids.tolist() == whole.ids.tolist()
