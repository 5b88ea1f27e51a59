"""The chat server over HTTP: OpenAI's protocol, refusals in words, and who may see what."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import torch
from asking import HELLO, answer, ask, body, loaded_count
from fastapi import FastAPI

from storage import users
from storage.bases import base_models
from storage.models import Artifact, BaseModelRow, User
from workers.serving import catalogue
from workers.serving.server import MAX_BODY_BYTES

Publish = Callable[..., Artifact]


def events(response: httpx.Response) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def test_a_whole_answer_says_which_model_gave_it(chat: httpx.Client, tiny: BaseModelRow, publish: Publish) -> None:
    artifact = publish("mine", seed=1)
    told = ask(chat, "mine", seed=5).json()
    assert told["object"] == "chat.completion"
    assert told["model"] == "mine"
    assert told["choices"][0]["message"]["role"] == "assistant"
    assert told["choices"][0]["finish_reason"] == "length"
    assert told["usage"]["completion_tokens"] == 8
    assert told["usage"]["total_tokens"] == told["usage"]["prompt_tokens"] + 8
    studio = told["studio"]
    assert studio["base"] == "tiny"
    assert studio["base_revision"] == tiny.revision
    assert studio["weights_sha256"] == artifact.facts["weights_sha256"]
    assert len(studio["template_sha256"]) == 64
    assert studio["precision"] == "float32"
    assert studio["self_test"] == "passed"
    assert studio["base_difference"] == 0
    assert studio["adapter_effect"] > 0
    assert studio["seed"] == 5
    assert studio["time_to_first_token_s"] > 0
    assert studio["tokens_per_s"] > 0


def test_an_answer_at_less_than_full_strength_says_so(chat: httpx.Client, tiny: BaseModelRow, publish: Publish) -> None:
    publish("mine", seed=1)
    publish("aligned", seed=2, use_dora=True)
    full, half, base = answer(chat, "mine"), answer(chat, "mine", strength=0.3), answer(chat, "tiny")
    assert len({full, half, base}) == 3
    assert ask(chat, "mine", strength=0.3).json()["studio"]["strength"] == 0.3
    assert ask(chat, "mine").json()["studio"]["strength"] == 1.0
    assert events(ask(chat, "mine", strength=0.3, stream=True))[0]["studio"]["strength"] == 0.3
    assert (answer(chat, "mine", strength=1), answer(chat, "tiny", strength=1)) == (full, base)
    for model, words in {"tiny": "“tiny” is a base model, which has no strength", "aligned": "DoRA"}.items():
        refused = ask(chat, model, strength=0.5)
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "strength")
        assert words in refused.json()["error"]["message"]
    listed = {model["id"]: model["studio"]["has_strength"] for model in chat.get("/v1/models").json()["data"]}
    assert (listed["mine"], listed["aligned"], listed["tiny"]) == (True, False, False)


def test_a_stream_adds_up_to_the_whole_answer(chat: httpx.Client, tiny: BaseModelRow) -> None:
    whole = answer(chat, "tiny", max_tokens=20)
    chunks = events(ask(chat, "tiny", max_tokens=20, stream=True, stream_options={"include_usage": True}))
    assert all(chunk["object"] == "chat.completion.chunk" for chunk in chunks)
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks[:-1]) == whole
    assert chunks[-2]["choices"][0]["finish_reason"] == "length"
    assert chunks[-2]["studio"]["self_test"] == "passed"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 20
    assert "usage" not in events(ask(chat, "tiny", stream=True))[-1]


def test_the_bundled_base_answers(chat: httpx.Client, studio: Any) -> None:
    told = ask(chat, "studio-nano", messages=[{"role": "user", "content": "What is 2 + 3?"}], max_tokens=40).json()
    assert told["choices"][0]["finish_reason"] == "stop"
    text = told["choices"][0]["message"]["content"]
    assert text
    assert not text.startswith(" ")
    assert "<|" not in text


def test_panes_asked_at_once_each_get_their_own_models_answer(chat: httpx.Client, publish: Publish) -> None:
    publish("first", seed=1)
    publish("second", seed=2)
    publish("third", seed=3, use_dora=True)
    publish("fourth", full=True, seed=4)
    publish("fifth", seed=5, init_lora_weights="pissa")
    names = ["tiny", "first", "second", "third", "fourth"]
    expected = {name: answer(chat, name) for name in [*names, "fifth"]}
    assert len(set(expected.values())) == len(expected)
    with ThreadPoolExecutor(15) as pool:
        told = list(pool.map(lambda name: (name, answer(chat, name)), names * 3))
    assert all(text == expected[name] for name, text in told)
    assert answer(chat, "fifth") == expected["fifth"]


def test_many_first_requests_load_a_model_once(chat: httpx.Client, publish: Publish) -> None:
    publish("first", seed=1)
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda name: answer(chat, name), ["tiny", "first"] * 4))
    assert len(set(told)) == 2
    assert loaded_count(chat) == 1


def test_models_lists_what_the_user_may_use(chat: httpx.Client, tiny: BaseModelRow, publish: Publish) -> None:
    publish("mine", seed=1)
    before = {model["id"]: model["studio"] for model in chat.get("/v1/models").json()["data"]}
    assert list(before) == [*base_models.bundled(), "tiny", "mine"]
    assert not before["mine"]["loaded"]
    answer(chat, "mine")
    after = {model["id"]: model["studio"] for model in chat.get("/v1/models").json()["data"]}
    assert after["mine"]["loaded"]
    assert after["mine"]["self_test"] == "passed"
    assert after["tiny"]["loaded"]
    assert not after["studio-nano"]["loaded"]


def test_another_users_model_is_unknown(chat: httpx.Client, publish: Publish) -> None:
    users.add("eva", "long enough a password")
    publish("mine", seed=1)
    response = ask(chat, "mine")
    assert response.status_code == 200
    theirs = chat.post(
        "/v1/chat/completions", json={"model": "mine", "messages": HELLO}, headers={"X-Studio-User": "eva"}
    )
    assert theirs.status_code == 404
    assert theirs.json()["error"]["code"] == "model_not_found"
    listed = chat.get("/v1/models", headers={"X-Studio-User": "eva"}).json()["data"]
    assert [model["id"] for model in listed] == list(base_models.bundled())


def test_without_the_secret_nothing_is_told(chat: httpx.Client, tiny: BaseModelRow) -> None:
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer x"}, {"Authorization": "Bearer é".encode()}):
        assert chat.get("/v1/models", headers=headers).status_code == 401  # type: ignore[arg-type]
        assert chat.post("/v1/chat/completions", json={}, headers=headers).status_code == 401  # type: ignore[arg-type]
    response = chat.get("/v1/models", headers={"X-Studio-User": "nobody"})
    assert response.status_code == 401
    assert "There is no user “nobody”" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"model": "nope"}, 404, "There is no model “nope”. Known: studio-small, studio-nano, tiny."),
        ({"messages": []}, 400, "messages"),
        ({"messages": [{"role": "user", "content": "  "}]}, 400, "the last message is empty"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, 400, "messages.0.role"),
        ({"messages": [*HELLO, {"role": "assistant", "content": "x"}]}, 400, "the last message must be the user's"),
        ({"messages": [{"role": "user", "content": "word " * 400}]}, 400, "reads 256"),
        ({"max_tokens": 256}, 400, "Ask for at most"),
        ({"max_tokens": 0}, 400, "max_tokens"),
        ({"temperature": -1}, 400, "temperature"),
        ({"temperature": "hot"}, 400, "temperature"),
        ({"tools": []}, 400, "field “tools”: is not supported by this server. Leave it out."),
        ({"n": 2}, 400, "“n”"),
        ({"stop": ["x"] * 9}, 400, "stop"),
        ({"seed": 2**64}, 400, "seed"),
        ({"strength": 0}, 400, "strength"),
        ({"strength": 1.5}, 400, "strength"),
    ],
)
def test_what_cant_be_answered_is_refused_in_words(
    chat: httpx.Client, tiny: BaseModelRow, change: dict[str, Any], status: int, words: str
) -> None:
    for streamed in (False, True):
        response = ask(chat, **{"model": "tiny", "stream": streamed, **change})
        assert response.status_code == status, response.text
        error = response.json()["error"]
        assert words in error["message"]
        assert error["problems"]
        assert "Traceback" not in response.text


def test_a_body_that_is_not_json_or_far_too_large_is_refused(chat: httpx.Client, tiny: BaseModelRow) -> None:
    assert chat.post("/v1/chat/completions", content=b"{nope").status_code == 400
    assert chat.post("/v1/chat/completions", content=b"[" * 100_000).status_code == 400
    response = chat.post("/v1/chat/completions", content=b" " * (MAX_BODY_BYTES + 1))
    assert response.status_code == 413


def test_every_problem_is_told_at_once(chat: httpx.Client, tiny: BaseModelRow) -> None:
    problems = ask(chat, "tiny", temperature=-1, max_tokens=0, banana=1).json()["error"]["problems"]
    assert {problem["field"] for problem in problems} == {"temperature", "max_tokens", "banana"}


def test_temperature_seed_and_stop(chat: httpx.Client, tiny: BaseModelRow) -> None:
    warm = {"temperature": 1.2, "seed": 11, "max_tokens": 16}
    assert answer(chat, "tiny", **warm) == answer(chat, "tiny", **warm)
    assert answer(chat, "tiny", **warm) != answer(chat, "tiny", **{**warm, "seed": 12})
    drawn = ask(chat, "tiny", temperature=1.2).json()["studio"]["seed"]
    assert isinstance(drawn, int)
    greedy = answer(chat, "tiny", max_tokens=16)
    told = ask(chat, "tiny", max_tokens=16, stop=greedy[3:5]).json()["choices"][0]
    assert told["finish_reason"] == "stop"
    assert told["message"]["content"] == greedy[: greedy.index(greedy[3:5])]


def test_an_answer_left_open_ends_at_the_context(chat: httpx.Client, tiny: BaseModelRow) -> None:
    response = chat.post("/v1/chat/completions", json={"model": "tiny", "messages": HELLO, "temperature": 0})
    usage = response.json()["usage"]
    assert usage["total_tokens"] <= 256


@pytest.mark.parametrize("streamed", [True, False])
def test_a_client_that_leaves_ends_its_answer(
    chat: httpx.Client, tiny: BaseModelRow, studio: User, server: FastAPI, streamed: bool
) -> None:
    answer(chat, "tiny")
    resident = server.state.machinery.started.holding(catalogue.find(studio, "tiny"))
    quick, steps = resident.engine.loaded.forward, []

    def slow(*inputs: Any) -> Any:
        steps.append(time.sleep(0.02))
        return quick(*inputs)

    resident.engine.loaded.forward = slow
    if streamed:
        with chat.stream("POST", "/v1/chat/completions", json=body("tiny", stream=True, max_tokens=200)) as response:
            next(response.iter_lines())
    else:
        with pytest.raises(httpx.ReadTimeout):
            ask(chat, "tiny", max_tokens=200, timeout=0.2)
    deadline = time.monotonic() + 5
    while resident.users and time.monotonic() < deadline:
        time.sleep(0.02)
    assert resident.users == 0
    n_steps = len(steps)
    time.sleep(0.2)
    assert len(steps) <= n_steps + 2 < 100


def test_an_answer_that_breaks_off_is_told_and_the_next_one_works(
    chat: httpx.Client, tiny: BaseModelRow, studio: User, server: FastAPI
) -> None:
    expected = answer(chat, "tiny")
    loaded = server.state.machinery.started.holding(catalogue.find(studio, "tiny")).engine.loaded
    sound, n_steps = loaded.forward, 0

    def breaking(*inputs: Any) -> Any:
        nonlocal n_steps
        n_steps += 1
        if n_steps == 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return sound(*inputs)

    loaded.forward = breaking
    response = ask(chat, "tiny")
    assert response.status_code == 500
    assert "The answer broke off: there was not enough memory" in response.json()["error"]["message"]
    n_steps = 0
    last = ask(chat, "tiny", stream=True).text.strip().splitlines()[-1]
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "decoding_failed"
    assert answer(chat, "tiny") == expected


def test_the_server_is_healthy_while_it_loads_and_decodes(chat: httpx.Client, publish: Publish) -> None:
    publish("first", seed=1)
    with ThreadPoolExecutor(4) as pool:
        answers = [
            pool.submit(answer, chat, name, max_tokens=150) for name in ("tiny", "first", "studio-nano", "first")
        ]
        slowest = 0.0
        while not all(future.done() for future in answers):
            began = time.monotonic()
            assert chat.get("/healthz").json()["status"] == "ok"
            slowest = max(slowest, time.monotonic() - began)
    assert slowest < 2.0  # seconds, on a machine that is busy with other tests too
    assert all(future.result() for future in answers)
