"""The chat server lets a model choose among a result's labels, and tells their probabilities."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from asking import HELLO, ask

from storage.gallery import artifacts, label_sets
from storage.models import User
from workers.protocol import Done

COLOURS = {"red", "green", "blue", "white"}


@pytest.fixture
def result(publish_trained: Callable[..., Done]) -> Done:
    """“painter”, which chooses among four colours, and “talker”, which answers freely."""
    publish_trained("talker", max_steps=1)
    return publish_trained("painter", objective="classification", max_steps=8, learning_rate=2e-2, eval_rows=6)


def told(response: httpx.Response) -> tuple[str, dict[str, Any] | None]:
    assert response.status_code == 200, response.text
    document = response.json()
    return document["choices"][0]["message"]["content"], document["studio"].get("labels")


def test_answers_are_labels_with_probabilities(result: Done, chat: httpx.Client, studio: User) -> None:
    a_plain_client_gets_a_label(chat)
    the_probabilities_are_those_of_the_verdict(chat, studio)
    another_model_chooses_under_the_same_constraint(chat, studio)
    less_strength_has_other_probabilities_and_no_threshold(chat)
    a_stream_says_the_same(chat)
    what_cant_be_is_refused(chat)


def a_plain_client_gets_a_label(chat: httpx.Client) -> None:
    text, labels = told(ask(chat, "painter"))
    assert labels is not None
    assert text in COLOURS
    assert text == labels["probabilities"][0]["label"]
    assert sum(one["probability"] for one in labels["probabilities"]) == pytest.approx(1.0)
    assert labels["of"] == "painter"
    assert labels["n_labels"] == 4
    assert told(ask(chat, "painter", labels_of=""))[1] is None, "a free answer can still be asked for"
    assert told(ask(chat, "talker"))[1] is None
    assert told(ask(chat, "painter", logprobs=True))[1] is None


def the_probabilities_are_those_of_the_verdict(chat: httpx.Client, studio: User) -> None:
    artifact = artifacts.get(studio, "painter")
    kept = label_sets.of_artifact(artifact)
    assert kept is not None
    judged = [json.loads(line) for line in (artifacts.folder(artifact) / Path("evaluation/answers.jsonl")).open()]
    for one in judged[:3]:
        text, labels = told(ask(chat, "painter", messages=[{"role": "user", "content": one["prompt"]}]))
        assert labels is not None
        assert text == one["adapted"]
        assert labels["temperature"] == kept.temperature
        assert labels["threshold"] == kept.threshold
        if kept.threshold is not None:
            assert labels["is_sure"] == (labels["probabilities"][0]["probability"] >= kept.threshold)


def less_strength_has_other_probabilities_and_no_threshold(chat: httpx.Client) -> None:
    in_full, half = (ask(chat, "painter", strength=strength) for strength in (1.0, 0.5))
    assert half.json()["studio"]["strength"] == 0.5
    (_, own), (_, weakened) = told(in_full), told(half)
    assert own is not None
    assert weakened is not None
    assert weakened["probabilities"] != own["probabilities"]
    assert weakened["threshold"] is weakened["is_sure"] is None, "it was chosen for the full strength"


def another_model_chooses_under_the_same_constraint(chat: httpx.Client, studio: User) -> None:
    kept = label_sets.of_artifact(artifacts.get(studio, "painter"))
    assert kept is not None
    (text, of_base), (_, own) = (told(ask(chat, name, labels_of="painter")) for name in ("tiny", "painter"))
    assert of_base is not None
    assert own is not None
    assert text in COLOURS
    assert of_base["threshold"] is of_base["is_sure"] is None, "the threshold was chosen for the result"
    assert of_base["temperature"] == kept.base_temperature
    assert of_base["probabilities"] != own["probabilities"]
    other = told(ask(chat, "studio-nano", labels_of="painter"))[1]
    assert other is not None
    assert other["temperature"] == 1.0


def a_stream_says_the_same(chat: httpx.Client) -> None:
    text, labels = told(ask(chat, "painter"))
    assert labels is not None
    lines = ask(chat, "painter", stream=True).text.splitlines()
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
    assert "".join(one["choices"][0]["delta"].get("content") or "" for one in chunks if one["choices"]) == text
    assert chunks[-1]["studio"]["labels"]["probabilities"] == labels["probabilities"]


def what_cant_be_is_refused(chat: httpx.Client) -> None:
    for asked, words in (
        ({"labels_of": "talker"}, "does not choose among labels"),
        ({"labels_of": "painter", "logprobs": True}, "can't be told for answers that are labels"),
        ({"messages": [{**HELLO[0], "content": "card " * 2000}]}, "too long"),
    ):
        refused = ask(chat, "painter", **asked)
        assert refused.status_code == 400
        assert words in refused.json()["error"]["message"]
    assert ask(chat, "painter", labels_of="nobody").status_code == 404
