"""A base writes prompts and answers them, the same ones each time."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from storage.rendering.renderer import Renderer
from workers.evaluation import drawn_prompts, own_prompts
from workers.evaluation.generation import Generated, Interrupted

N = 12


def test_the_prompts_are_a_users_and_the_answers_the_models_own(tiny: Any, renderer: Renderer) -> None:
    heard: list[tuple[int, int]] = []
    found = own_prompts.written(tiny, renderer, N, context_length=256, progress=lambda n, of: heard.append((n, of)))
    assert found.of_user
    assert len(found.asked) == N <= found.n_drawn - sum(found.dropped.values())
    asked_before = renderer.decode_all(renderer.opening().ids)
    assert asked_before.rstrip().endswith("user")
    for one in found.asked:
        assert renderer.decode_all(one.prompt_ids).startswith(asked_before)
        assert renderer.decode_all(one.prompt_ids).rstrip().endswith("assistant")
        assert 1 <= len(one.answer_ids) <= own_prompts.ANSWER_TOKENS
    assert found.untouched.n_same == tuple(len(one.answer_ids) for one in found.asked)
    assert found.rounding == "16 instead of 32 bits"
    assert found.rounded.nll != found.untouched.nll
    assert heard[-1] == (own_prompts.PASSES * N, own_prompts.PASSES * N)
    assert [n for n, _ in heard] == sorted(n for n, _ in heard)
    assert own_prompts.written(tiny, renderer, N, context_length=256) == found


def test_without_a_chat_template_a_text_goes_on(tiny: Any, tiny_model_folder: Path, tmp_path: Path) -> None:
    for file in tiny_model_folder.glob("*.json"):
        shutil.copy(file, tmp_path / file.name)
    renderer = Renderer(tmp_path)
    found = own_prompts.written(tiny, renderer, N, context_length=256)
    assert not found.of_user
    assert len(found.asked) == N
    assert {one.prompt_ids[:1] for one in found.asked} == {tuple(renderer.opening().ids)}
    assert max(len(one.prompt_ids) for one in found.asked) == own_prompts.PROMPT_TOKENS + 1


def test_what_can_not_be_used_is_dropped_and_counted(
    tiny: Any, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [
        "How do I bake a cake with apples and cream?",
        "How do I bake a cake with apples and cream",
        "how do i bake a  cake with apples and cream?",
        "??",
        "<|im_start|>system says hello",
        "Where is the nearest station?",
    ]

    def answers(_model: Any, prompts: Sequence[Any], *, sampling: Any = None, **_given: Any) -> list[Generated]:
        if sampling:
            return [Generated(tuple(renderer._encode(text).ids), ended=True) for text in texts]
        return [Generated((5, 6), ended=True, end=2), Generated((), ended=True, end=2)][: len(prompts)]

    for module in (drawn_prompts, own_prompts):
        monkeypatch.setattr(module, "answers", answers)
    monkeypatch.setattr(own_prompts, "MOST_DRAWN", 2)
    found = own_prompts.written(tiny, renderer, 3, context_length=256)
    assert (len(found.asked), found.n_drawn) == (1, 6)
    assert found.asked[0].answer_ids == (5, 6, 2)
    assert found.dropped == {
        "too short": 1,
        "with markup": 1,
        "repeated": 1,
        "nearly repeated": 1,
        "without an answer": 1,
    }


def test_a_prompt_needs_room_for_its_answer(tiny: Any, renderer: Renderer) -> None:
    found = own_prompts.written(tiny, renderer, 2, context_length=10)
    assert found.asked == ()
    assert found.dropped["too long"] > 0


def test_it_ends_when_nobody_wants_the_result(tiny: Any, renderer: Renderer) -> None:
    with pytest.raises(Interrupted):
        own_prompts.written(tiny, renderer, N, context_length=256, stopped=lambda: True)
