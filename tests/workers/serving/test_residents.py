"""What is in memory: whole, within bounds, and brought back when it is asked for again."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from asking import answer, ask, loaded_count

from storage.bases import base_models
from storage.gallery import artifacts
from storage.models import Artifact, BaseModelRow
from workers.serving import residents

Publish = Callable[..., Artifact]


def test_a_changed_artifact_is_never_served(chat: httpx.Client, publish: Publish) -> None:
    for name, file in (("adapter", "adapter_model.safetensors"), ("whole", "model.safetensors")):
        artifact = publish(name, seed=1, full=name == "whole")
        path = artifacts.folder(artifact) / file
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        response = ask(chat, name)
        assert response.status_code == 500
        assert "does not match its checksum" in response.json()["error"]["message"]
        assert "Restore it from a backup" in response.json()["error"]["message"]


def test_a_base_that_cant_be_loaded_is_told(chat: httpx.Client, tiny: BaseModelRow) -> None:
    (base_models.folder(tiny) / "model.safetensors").write_bytes(b"\xff" * 64)
    response = ask(chat, "tiny")
    assert response.status_code == 500
    assert "“tiny” could not be loaded" in response.json()["error"]["message"]


@pytest.mark.slow
def test_the_least_recently_used_model_makes_room(
    chat: httpx.Client, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(residents, "MAX_RESIDENTS", 2)
    publish("whole", full=True, seed=4)
    first = answer(chat, "tiny")
    answer(chat, "whole")
    answer(chat, "studio-nano")
    assert loaded_count(chat) == 2
    loaded = {model["id"] for model in chat.get("/v1/models").json()["data"] if model["studio"]["loaded"]}
    assert loaded == {"studio-nano", "whole"}
    assert answer(chat, "tiny") == first


def test_the_least_recently_used_adapter_makes_room(
    chat: httpx.Client, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(residents, "MAX_ADAPTERS", 2)
    names = ["one", "two", "three", "four"]
    for seed, name in enumerate(names):
        publish(name, seed=seed)
    expected = [answer(chat, name) for name in names]
    assert len(set(expected)) == 4
    assert [answer(chat, name) for name in names] == expected
    loaded = [model["id"] for model in chat.get("/v1/models").json()["data"] if model["studio"]["loaded"]]
    assert set(loaded) == {"tiny", "three", "four"}


def test_too_little_memory_is_told_with_numbers(
    chat: httpx.Client, tiny: BaseModelRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(residents, "HEADROOM", 1e9)
    response = ask(chat, "tiny")
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "out_of_memory"
    assert "GB of memory" in response.json()["error"]["message"]
