"""Following an answer tells what the model would have answered itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from storage.rendering.renderer import Renderer
from workers.evaluation import rounding
from workers.evaluation.following import Asked, follow
from workers.evaluation.generation import Interrupted, answers
from workers.evaluation.losses import losses

TEXTS = ("colour of the sky", "a", "one two three four five six seven", "to be")


@pytest.fixture(scope="module")
def asked(tiny: Any, renderer: Renderer) -> list[Asked]:
    """The tiny model's own greedy answers to prompts of different lengths."""
    prompts = [renderer.answer_prompt([{"role": "user", "content": text}]) for text in TEXTS]
    given = answers(tiny, prompts, eos_ids=renderer.eos_ids, max_new_tokens=6)
    return [Asked(prompt_ids=p, answer_ids=a.ids) for p, a in zip(prompts, given, strict=True)]


def test_a_model_agrees_with_itself_to_the_end(tiny: Any, asked: list[Asked]) -> None:
    heard: list[int] = []
    found = follow(tiny, asked, rows_at_once=2, progress=heard.append)
    assert found.n_same == tuple(len(one.answer_ids) for one in asked)
    assert heard == [2, 4]


def test_another_token_ends_the_agreement(tiny: Any, asked: list[Asked]) -> None:
    ids = list(asked[0].answer_ids)
    ids[3] = (ids[3] + 1) % 4864
    changed = Asked(prompt_ids=asked[0].prompt_ids, answer_ids=ids)
    assert follow(tiny, [changed, *asked[1:]]).n_same[0] == 3


def test_the_loss_is_that_of_the_answers_tokens(tiny: Any, asked: list[Asked]) -> None:
    pieces = [
        [([*one.prompt_ids, *one.answer_ids], [False] * len(one.prompt_ids) + [True] * len(one.answer_ids))]
        for one in asked
    ]
    nll, n_tokens = losses(tiny, pieces)
    assert n_tokens.tolist() == [len(one.answer_ids) for one in asked]
    assert np.allclose(follow(tiny, asked).nll, nll, rtol=1e-4)


def test_it_ends_when_nobody_wants_the_result(tiny: Any, asked: list[Asked]) -> None:
    with pytest.raises(Interrupted):
        follow(tiny, asked, stopped=lambda: True)


def test_rounding_is_that_of_16_bits_and_leaves_no_trace(tiny: Any, asked: list[Asked]) -> None:
    ids = torch.tensor([asked[0].prompt_ids])
    with torch.inference_mode():
        before = tiny(input_ids=ids).logits
        with rounding.in_16_bits(tiny):
            rounded = tiny(input_ids=ids).logits
        after = tiny(input_ids=ids).logits
    assert torch.equal(before, after)
    assert torch.equal(rounded, rounded.bfloat16().float())
    assert 0 < (rounded - before).abs().max() < 0.05 * before.abs().max()
    assert not any(module._forward_hooks for module in tiny.modules())
