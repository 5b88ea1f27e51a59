"""Repairs and intruder reductions by command and over REST."""

from __future__ import annotations

import json
from typing import Any

from fastapi.testclient import TestClient

from storage.models import User


def test_what_can_not_be_reduced_is_refused_in_words(studio_command: Any, studio: User, client: TestClient) -> None:
    code, told, _ = studio_command("artifacts", "reduce-intruders", "studio-nano", "--name", "less", "--set", "top_k=0")
    assert code == 2
    said = json.dumps(told, ensure_ascii=False)
    assert "it is a base model, without an adapter" in said
    assert "top_k" in said
    answer = client.post("/api/v1/jobs/reduce-intruders", json={"model": "studio-nano", "name": "less"})
    assert answer.status_code == 422
    assert "without an adapter" in answer.text
