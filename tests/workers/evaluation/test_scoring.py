"""Scores, against the loss that the model itself reports for one row at a time."""

from typing import Any

import numpy as np
import pytest
import torch

from storage.rendering.renderer import Renderer
from templates.errors import StudioError
from workers.evaluation import scoring
from workers.evaluation.generation import Interrupted
from workers.evaluation.losses import losses
from workers.evaluation.scoring import Scores, score

LIMITS = {"max_length": 128, "context_length": 256, "trains_prompt": False, "eval_rows": 10}


def reported(model: Any, ids: list[int], trained: list[bool]) -> tuple[float, int]:
    """Loss sum and token count as transformers computes them."""
    labels = torch.tensor([[i if t else -100 for i, t in zip(ids, trained, strict=True)]])
    n = sum(trained[1:])
    with torch.inference_mode():
        return float(model(input_ids=torch.tensor([ids]), labels=labels).loss) * n, n


def test_losses_equal_the_models_own(tiny: Any, renderer: Renderer, classified: list[dict[str, Any]]) -> None:
    scores = score(tiny, renderer, "classification", classified, **LIMITS)
    for index, row in enumerate(classified):
        rendered = renderer.row("classification", row, max_length=128, trains_prompt=False)
        nll, n = reported(tiny, rendered.ids, rendered.trained)
        assert scores.n_tokens[index] == n
        assert scores.nll[index] == pytest.approx(nll, rel=1e-4)
    assert scores.source_rows[0] == 10


def test_every_token_counts_when_the_prompt_is_trained(tiny: Any) -> None:
    ids, trained = [5, 6, 7, 8], [True, True, True, True]
    nll, n_tokens = losses(tiny, [[(ids, trained)], [(ids[:2], trained[:2])]])
    assert n_tokens.tolist() == [3, 1]
    assert nll[0] == pytest.approx(reported(tiny, ids, trained)[0], rel=1e-4)
    alone = reported(tiny, ids[:2], trained[:2])[0]
    assert nll[1] == pytest.approx(alone, rel=1e-4), "the padding before the shorter row predicts nothing"


def test_a_long_text_is_scored_whole(tiny: Any, renderer: Renderer) -> None:
    rows = [{"text": "The harbour is quiet this evening. " * 40, "source_row": 1}]
    scores = score(tiny, renderer, "text", rows, **{**LIMITS, "max_length": 32, "trains_prompt": True})
    n_ids = len(renderer.row("text", rows[0]).ids)
    assert n_ids > 200
    assert scores.n_tokens[0] == n_ids - 1
    assert scores.answers == ()
    assert scores.n_cut == 0


def test_rows_without_a_trained_token_are_counted_not_guessed(tiny: Any, renderer: Renderer) -> None:
    rows = [{"text": "word " * 60, "label": "refund"}, {"text": "short", "label": "refund"}]
    scores = score(tiny, renderer, "classification", rows, **{**LIMITS, "max_length": 24})
    assert scores.n_tokens[0] == 0
    assert scores.nll[0] == 0
    assert scores.n_tokens[1] > 0
    assert scores.n_cut == 1
    assert len(scores.answers) == 2, "the prompt still fits into the model's context"


def test_a_prompt_that_fills_the_context_is_not_answered(tiny: Any, renderer: Renderer) -> None:
    rows = [{"text": "word " * 300, "label": "refund"}, {"text": "short", "label": "refund"}]
    scores = score(tiny, renderer, "classification", rows, **{**LIMITS, "max_length": 256})
    assert scores.n_too_long == 1
    assert [answer.index for answer in scores.answers] == [1]


def test_only_so_many_rows_are_answered(tiny: Any, renderer: Renderer, classified: list[dict[str, Any]]) -> None:
    seen: list[tuple[int, int]] = []
    scores = score(tiny, renderer, "classification", classified, **LIMITS, progress=lambda n, of: seen.append((n, of)))
    assert [answer.index for answer in scores.answers] == list(range(10))
    assert scores.answers[3].expected == classified[3]["label"]
    assert scores.answers[3].prompt == classified[3]["text"]
    assert seen[-1] == (34, 34)


def test_the_last_assistant_turn_is_what_is_asked_for(tiny: Any, renderer: Renderer) -> None:
    turns = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "hello"},
        {"role": "user", "content": "and now?"},
        {"role": "assistant", "content": "bye"},
    ]
    rows = [{"messages": turns}, {"messages": turns[:4]}]
    scores = score(tiny, renderer, "messages", rows, **LIMITS)
    assert [answer.expected for answer in scores.answers] == ["bye", "hello"]
    assert scores.answers[0].prompt == "system: be brief\nuser: hi\nassistant: hello\nuser: and now?"


def test_a_right_answer_must_have_ended(tiny: Any) -> None:
    given = scoring.Answer(0, "p", "refund", "refund", ended=True)
    assert given.right
    assert not scoring.Answer(0, "p", "refund", "refund", ended=False).right
    assert not scoring.Answer(0, "p", "refund", "Refund", ended=True).right


def test_it_stops_between_batches(tiny: Any, renderer: Renderer, classified: list[dict[str, Any]]) -> None:
    with pytest.raises(Interrupted):
        score(tiny, renderer, "classification", classified, **LIMITS, stopped=lambda: True)


def test_a_broken_model_is_named_as_such(tiny_model_folder: Any) -> None:
    from workers import models

    model = models.load_base(tiny_model_folder)
    with torch.no_grad():
        model.model.norm.weight.fill_(float("nan"))
    with pytest.raises(StudioError, match="not a number on 1 of 1") as error:
        losses(model, [[([5, 6, 7], [False, True, True])]])
    assert error.value.code == "not_a_number"


def test_training_mode_is_given_back(tiny: Any) -> None:
    tiny.train()
    try:
        losses(tiny, [[([5, 6, 7], [False, True, True])]])
        assert tiny.training
    finally:
        tiny.eval()


def test_scores_of_nothing(tiny: Any, renderer: Renderer) -> None:
    scores = score(tiny, renderer, "classification", [], **LIMITS)
    assert isinstance(scores, Scores)
    assert np.array_equal(scores.nll, np.zeros(0))
