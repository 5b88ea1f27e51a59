"""The chat server's `/v1/score`: a reward model's scores, and refusals in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from asking import ask
from preference_rows import pairs

from storage.gallery import artifacts
from storage.models import Artifact, BaseModelRow, User
from workers.materials import model_ref
from workers.preferences.reward_model import RewardModel


def said(*answers: str) -> list[list[dict[str, str]]]:
    return [[{"role": "user", "content": "say 1"}, {"role": "assistant", "content": answer}] for answer in answers]


def test_it_scores_answers_and_does_not_chat(
    chat: httpx.Client,
    studio: User,
    tiny: BaseModelRow,
    publish: Callable[..., Artifact],
    publish_trained: Callable[..., Any],
    tmp_path: Path,
) -> None:
    publish_trained("judge", objective="reward", shape="preference", rows=pairs(tmp_path), max_steps=2, max_length=64)
    told = chat.post("/v1/score", json={"model": "judge", "messages": said("yes 1", "no")}).json()
    scores = [one["score"] for one in told["data"]]
    judge = artifacts.get(studio, "judge")
    assert scores == pytest.approx(RewardModel.load(model_ref(judge)).scores(said("yes 1", "no")), abs=1e-5)
    assert told["studio"]["weights_sha256"] == judge.facts["weights_sha256"]
    assert [one["index"] for one in told["data"]] == [0, 1]
    refused = ask(chat, "judge")
    assert refused.status_code == 422
    assert "is a reward model: it scores answers and can't write any" in refused.text
    assert "judge" not in [one["id"] for one in chat.get("/v1/models").json()["data"]]
    publish("mine")
    refused = chat.post("/v1/score", json={"model": "mine", "messages": said("yes")})
    assert refused.status_code == 422
    assert "gives no scores" in refused.text
    assert "Known: judge." in refused.text
    assert chat.post("/v1/score", json={"model": "unknown", "messages": said("yes")}).status_code == 404
    assert "messages" in chat.post("/v1/score", json={"model": "judge"}).text
    open_ended = [[{"role": "user", "content": "say 1"}]]
    refused = chat.post("/v1/score", json={"model": "judge", "messages": open_ended})
    assert "does not end with an answer" in refused.text
