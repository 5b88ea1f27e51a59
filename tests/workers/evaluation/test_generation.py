"""Batched greedy answers equal those given one at a time by `generate` itself."""

from typing import Any

import pytest
import torch
from transformers import GenerationConfig

from storage.rendering.renderer import Renderer
from workers.evaluation import generation
from workers.evaluation.generation import Interrupted, answers, batches
from workers.evaluation.padding import pad_left


def prompts_of(renderer: Renderer, rows: list[dict[str, Any]]) -> list[list[int]]:
    return [renderer.prompt([{"role": "user", "content": row["text"]}]) for row in rows]


def test_padding_changes_no_answer(tiny: Any, renderer: Renderer, classified: list[dict[str, Any]]) -> None:
    prompts = prompts_of(renderer, classified)
    together = answers(tiny, prompts, eos_ids=renderer.eos_ids, max_new_tokens=12)
    assert [len(p) for p in prompts] != sorted(len(p) for p in prompts), "the order must survive sorting"
    for prompt, answer in zip(prompts, together, strict=True):
        alone = tiny.generate(
            input_ids=torch.tensor([prompt]), max_new_tokens=12, do_sample=False, pad_token_id=3, eos_token_id=[2]
        )[0, len(prompt) :].tolist()
        assert list(answer.ids) == [i for i in alone if i != 2]


def test_an_answer_ends_at_any_end_token(tiny: Any, renderer: Renderer) -> None:
    prompt = renderer.prompt([{"role": "user", "content": "hello"}])
    free = answers(tiny, [prompt], eos_ids=[2], max_new_tokens=8)[0]
    assert not free.ended
    ended = answers(tiny, [prompt], eos_ids=[2, free.ids[3]], max_new_tokens=8)[0]
    assert ended.ended
    assert ended.ids == free.ids[: free.ids.index(free.ids[3])]


def test_the_models_own_sampling_settings_are_set_aside(tiny: Any, renderer: Renderer) -> None:
    prompt = renderer.prompt([{"role": "user", "content": "hello"}])
    plain = answers(tiny, [prompt], eos_ids=[2], max_new_tokens=16)
    before = tiny.generation_config
    tiny.generation_config = odd = GenerationConfig(
        do_sample=True, temperature=9.0, repetition_penalty=4.0, num_beams=1, max_new_tokens=2
    )
    try:
        assert answers(tiny, [prompt], eos_ids=[2], max_new_tokens=16) == plain
        assert tiny.generation_config is odd
    finally:
        tiny.generation_config = before


def test_it_stops_when_asked(tiny: Any, renderer: Renderer, classified: list[dict[str, Any]]) -> None:
    seen: list[int] = []
    with pytest.raises(Interrupted):
        answers(
            tiny,
            prompts_of(renderer, classified),
            eos_ids=[2],
            max_new_tokens=100,
            progress=seen.append,
            stopped=lambda: True,
        )
    assert seen == []


def test_progress_counts_answers(
    tiny: Any, renderer: Renderer, classified: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "ROWS_AT_ONCE", 10)
    seen: list[int] = []
    answers(tiny, prompts_of(renderer, classified), eos_ids=[2], max_new_tokens=2, progress=seen.append)
    assert seen == [10, 20, 24]


def test_batches_hold_similar_lengths_within_both_limits() -> None:
    lengths = [5, 100, 7, 6, 300, 8, 5]
    groups = list(batches(lengths, rows_at_once=3, tokens_at_once=210))
    assert sorted(i for group in groups for i in group) == list(range(7))
    assert groups == [[0, 6, 3], [2, 5], [1], [4]]
    for group in groups:
        assert len(group) == 1 or max(lengths[i] for i in group) * len(group) <= 210


def test_padding_is_on_the_left_and_masked() -> None:
    ids, mask = pad_left([[1, 2, 3], [4]], 9, torch.device("cpu"))
    assert ids.tolist() == [[1, 2, 3], [9, 9, 4]]
    assert mask.tolist() == [[1, 1, 1], [0, 0, 1]]
