"""The chat server tells how likely each token was, in OpenAI's shape."""

from __future__ import annotations

import json
import math
from typing import Any

import httpx
import pytest
import torch
from asking import HELLO, ask
from transformers import AutoModelForCausalLM

from storage.bases import base_models
from storage.models import BaseModelRow
from storage.rendering.renderer import Renderer
from workers.serving.token_scores import IMPOSSIBLE, TokenScores


def scored(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    return list(response.json()["choices"][0]["logprobs"]["content"])


def test_they_are_the_models_own_probabilities(chat: httpx.Client, tiny: BaseModelRow) -> None:
    told = scored(ask(chat, "tiny", logprobs=True, top_logprobs=3, max_tokens=5))
    assert len(told) == 5
    folder = base_models.folder(tiny)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = Renderer(folder).prompt(HELLO)
    for token in told:
        with torch.inference_mode():
            logprobs = torch.log_softmax(model(torch.tensor([ids])).logits[0, -1], -1)
        best = logprobs.topk(3)
        assert [one["logprob"] for one in token["top_logprobs"]] == pytest.approx(best.values.tolist(), abs=1e-3)
        assert token["logprob"] == pytest.approx(float(best.values[0]), abs=1e-3)
        assert token["token"] == token["top_logprobs"][0]["token"]
        ids = [*ids, int(best.indices[0])]


def test_the_tokens_add_up_to_the_answer(chat: httpx.Client, studio: Any) -> None:
    asked: dict[str, Any] = {"messages": [{"role": "user", "content": "What is 2 + 3?"}], "max_tokens": 40}
    response = ask(chat, "studio-nano", logprobs=True, top_logprobs=2, **asked)
    assert response.json()["choices"][0]["finish_reason"] == "stop"
    told = scored(response)
    text = "".join(token["token"] for token in told)
    assert text.strip() == response.json()["choices"][0]["message"]["content"].strip()
    assert "<|" not in text, "the end of the turn is no part of the answer"
    assert all(bytes(token["bytes"]).decode() == token["token"] for token in told if token["bytes"] is not None)
    assert all(0 < math.exp(token["logprob"]) <= 1 for token in told)
    assert all(len(token["top_logprobs"]) == 2 for token in told)


def test_a_stream_tells_the_same(chat: httpx.Client, tiny: BaseModelRow) -> None:
    asked: dict[str, Any] = {"logprobs": True, "top_logprobs": 2, "max_tokens": 12}
    whole = scored(ask(chat, "tiny", **asked))
    lines = ask(chat, "tiny", stream=True, **asked).text.splitlines()
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    streamed = [token for choice in choices if choice["logprobs"] for token in choice["logprobs"]["content"]]
    assert len(whole) == 12
    assert streamed == whole
    said = [choice for choice in choices if choice["delta"].get("content")]
    assert all(choice["logprobs"] for choice in said), "text comes with its tokens"


def test_a_draw_is_scored_as_at_temperature_one(chat: httpx.Client, tiny: BaseModelRow) -> None:
    first = {"max_tokens": 1, "logprobs": True, "top_logprobs": 1, "seed": 4}
    plain, hot = (scored(ask(chat, "tiny", temperature=heat, **first))[0] for heat in (0, 5))
    assert hot["top_logprobs"] == plain["top_logprobs"]
    assert hot["logprob"] <= plain["logprob"]


def test_without_the_wish_nothing_is_told(chat: httpx.Client, tiny: BaseModelRow) -> None:
    for wish in ({}, {"logprobs": False}, {"logprobs": None}):
        assert ask(chat, "tiny", **wish).json()["choices"][0]["logprobs"] is None
    alone = scored(ask(chat, "tiny", logprobs=True))
    assert all(token["top_logprobs"] == [] for token in alone)


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"top_logprobs": 2}, "top_logprobs needs logprobs to be true"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": -1}, "top_logprobs"),
    ],
)
def test_a_wish_that_is_not_openais_is_refused(
    chat: httpx.Client, tiny: BaseModelRow, wish: dict[str, Any], words: str
) -> None:
    response = ask(chat, "tiny", **wish)
    assert response.status_code == 400
    assert words in response.json()["error"]["message"]


def test_a_token_keeps_its_space_and_an_impossible_one_a_number() -> None:
    words = ["Say:", " yes", " no"]
    scores = TokenScores(lambda ids: "".join(words[i] for i in ids).lstrip(), before=0, n_top=5)
    told = scores.score(1, torch.tensor([-math.inf, 1.0, 1.0]))
    assert told.chosen.text == " yes"
    assert told.chosen.logprob == pytest.approx(math.log(0.5))
    assert [one.logprob for one in told.top][-1] == IMPOSSIBLE
    assert json.loads(json.dumps(told.document(), allow_nan=False))["token"] == " yes"
