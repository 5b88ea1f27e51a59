"""A service answers prompts: within limits, again after trouble, never twice, and every failure in words."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conversations import Heard

from storage.data import row_files
from templates.errors import NotAllowed, StudioError
from tests.played_service import KEY, PlayedService, Trouble, error
from workers.answering import from_service, pace, sealed_answers
from workers.answering import rows as made_of
from workers.evaluation.generation import Interrupted
from workers.orders.generate import GenerationOrder
from workers.programs import generate
from workers.protocol import Advanced, Done, Noted, Planned, Stop

MakeOrder = Callable[..., GenerationOrder]
N = 12


def run(order: GenerationOrder, heard: Heard | None = None) -> Done:
    return generate.run(order, heard or Heard())


def made_rows(order: GenerationOrder) -> list[dict[str, Any]]:
    return row_files.read(Path(order.staging) / made_of.ROWS_FILE)


def dropped(order: GenerationOrder) -> list[dict[str, Any]]:
    file = Path(order.staging) / made_of.DROPPED_FILE
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_every_prompt_is_asked_once_and_counted(make: MakeOrder, service: PlayedService) -> None:
    service.key = KEY
    order = make(key=KEY, instruction="Be brief.", temperature=0.5, top_p=0.9, prompt_price=2.0, completion_price=10.0)
    heard = Heard()
    done = run(order, heard)
    assert sorted(service.prompts()) == sorted(f"q{i}" for i in range(N))
    asked = service.asked[0]
    assert asked["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (asked["model"], asked["max_tokens"], asked["temperature"], asked["top_p"]) == ("wise", 256, 0.5, 0.9)
    assert len({request["seed"] for request in service.asked}) == N, "each answer has its own seed"
    assert {row["prompt"]: row["completion"] for row in made_rows(order)}["q3"] == "the answer to q3"
    assert [row["held_out"] for row in made_rows(order)].count(True) == 1
    usage = done.result["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["n_uncounted"]) == (120, 60, 0)
    assert usage["cost"] == pytest.approx((120 * 2 + 60 * 10) / 1e6)
    assert "127.0.0.1 counted 120 prompt tokens, 60 answer tokens, cost 0.00084." in done.result["sentence"]
    assert done.result["teacher"] == {"name": "wise", "host": "127.0.0.1"}
    assert heard.of(Planned)[0].total_steps == heard.of(Advanced)[-1].step == N
    assert "120 prompt tokens" in heard.of(Noted)[-1].data["usage"]


def test_trouble_that_passes_is_waited_for(make: MakeOrder, service: PlayedService) -> None:
    service.troubles = [
        error(429, "slow down", Retry_After="0.1"),
        error(500, "oops"),
        Trouble(503, b"<html>busy</html>"),
        Trouble(200, b""),
        Trouble(200, b'{"choices": [{"mess', {}),
        Trouble(200, b'{"choices": []}'),
        Trouble(200, json.dumps({"choices": [{"message": {"content": "half an"}, "finish_reason": None}]}).encode()),
        Trouble(200, b'{"choices": [{"message": {"content": "cut"}}]}' * 9, cut=True),
    ]
    order = make(concurrency=2)
    done = run(order)
    assert done.result["n_rows"] == N
    assert sorted(service.prompts()) == sorted(f"q{i}" for i in range(N))
    assert all(row["completion"] == f"the answer to {row['prompt']}" for row in made_rows(order)), "no half answers"


def test_limits_hold(make: MakeOrder, service: PlayedService) -> None:
    service.slow_s = 0.05
    run(make(concurrency=3))
    assert 2 <= service.most_at_once <= 3


@pytest.mark.parametrize(
    ("trouble", "code", "words"),
    [
        (None, "key_refused", "does not accept your key"),
        (error(403, "no"), "key_refused", "does not accept your key"),
        (error(404, "The model `wise` does not exist"), "unknown_model", "does not know the model “wise”"),
        (error(402, "pay"), "quota", "quota is used up"),
        (Trouble(429, b'{"error": {"code": "insufficient_quota", "message": "no money"}}'), "quota", "no money"),
        (
            error(429, "slow down", Retry_After="3600"),
            "service_unavailable",
            "too many requests”: slow down. It asks to wait 3,600",
        ),
        (error(500, "broken inside"), "service_unavailable", "status 500”: broken inside"),
        (Trouble(200, b""), "service_unavailable", "sent nothing"),
        (Trouble(200, b"{}"), "service_unavailable", "half an answer"),
        (Trouble(200, b"", silent_s=0.6), "service_unavailable", "gave no answer in 0.2 s"),
        (Trouble(302, b"", {"Location": "http://elsewhere/"}), "other_protocol", "It leads to http://elsewhere/"),
        (error(400, "temperature must be 1"), "requests_refused", "temperature must be 1"),
    ],
)
def test_what_goes_wrong_is_said(make: MakeOrder, service: PlayedService, trouble: Any, code: str, words: str) -> None:
    service.key, service.always = KEY, trouble
    with pytest.raises(StudioError) as told:
        run(make(key="sk-wrong-key-1234", patience_s=0.3, timeout_s=0.2))
    assert told.value.code == code
    assert words in str(told.value)
    assert "sk-wrong-key-1234" not in str(told.value), "the service quotes the key; the job doesn't"
    assert told.value.problems[0].remedy


def test_nothing_listens(make: MakeOrder) -> None:
    with pytest.raises(StudioError, match=r"the connection to 127\.0\.0\.1 failed"):
        run(make(url="http://127.0.0.1:9/v1", patience_s=0.1))


def test_a_failed_job_goes_on_when_it_is_run_again(make: MakeOrder, service: PlayedService) -> None:
    service.always, service.after = error(500, "down"), 5
    with pytest.raises(StudioError):
        run(make("a", concurrency=1, patience_s=0.1))
    service.always = None
    heard = Heard()
    done = run(make("b", concurrency=1), heard)
    assert heard.of(Planned)[0].start_step == 5
    assert sorted(service.prompts()) == sorted(f"q{i}" for i in range(N)), "none twice"
    assert (done.result["usage"]["n_from_before"], done.result["usage"]["prompt_tokens"]) == (5, 120)
    more = run(make("c", temperature=0.5, num_return_sequences=2))
    assert (more.result["n_rows"], len(service.asked)) == (2 * N, 2 * N), "more answers go on from fewer"


def test_stopping_keeps_answers_on_their_way(make: MakeOrder, service: PlayedService) -> None:
    service.slow_s = 0.1

    def stop(heard: Heard, report: Any) -> None:
        if isinstance(report, Advanced):
            heard.stop = Stop(stop="drain")

    with pytest.raises(Interrupted):
        run(make(concurrency=3), Heard(on_say=stop))
    n_paid = len(service.asked)
    heard = Heard()
    run(make(concurrency=3), heard)
    assert heard.of(Planned)[0].start_step == n_paid
    assert len(service.asked) == N


def test_a_torn_line_is_asked_again_and_the_others_are_not(make: MakeOrder, service: PlayedService) -> None:
    order = make()
    run(order)
    file = Path(order.asked_folder) / sealed_answers.FILE
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-1]) + lines[-1][:20])
    service.asked.clear()
    done = run(make("b"))
    assert (len(service.asked), done.result["n_rows"]) == (1, N)
    assert len(file.read_bytes().splitlines()) == N


def test_answers_that_are_none(make: MakeOrder, service: PlayedService) -> None:
    filtered = json.dumps({"choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}]}).encode()
    service.troubles = [Trouble(200, filtered), error(400, "this prompt is too long")]
    order = make(concurrency=1)
    done = run(order)
    assert [(one["filter"], one["reason"]) for one in dropped(order)] == [
        ("failed", "The service’s content filter stopped the answer."),
        ("failed", "The service refused the prompt: this prompt is too long"),
    ]
    assert "2 answers never came and are left out" in done.result["sentence"]


def test_one_request_that_always_fails_does_not_stop_the_others(
    make: MakeOrder, service: PlayedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "MOST_TRIES", 2)
    monkeypatch.setattr(from_service, "MOST_TRIES", 2)
    service.slow_s, service.chokes_on = 0.01, "q3"
    order = make(concurrency=2)
    done = run(order)
    assert done.result["n_rows"] == N - 1
    (lost,) = dropped(order)
    assert lost["row"]["prompt"] == "q3"
    assert "2 requests failed, the last because" in lost["reason"]
    assert "I choke on this" in lost["reason"]


def test_what_the_service_does_not_take_is_left_out_and_said(make: MakeOrder, service: PlayedService) -> None:
    service.troubles = [
        error(400, "Use 'max_completion_tokens' instead of 'max_tokens'"),
        error(422, "Extra input: seed"),
    ]
    done = run(make(concurrency=1))
    assert "max_tokens" not in service.asked[-1]
    assert service.asked[-1]["max_completion_tokens"] == 256
    assert "seed" not in service.asked[-1]
    assert done.result["ignored"] == ["seed"]
    assert "It takes no seed" in done.result["sentence"]


def test_reasoning_and_cut_answers(make: MakeOrder, service: PlayedService) -> None:
    service.reasoning, service.finish, service.counts = "hm", "length", False
    order = make(filters={"cut_off": {}, "same_text": {}}, n=3)
    with pytest.raises(StudioError, match="3 were cut off"):
        run(order)
    service.finish = "stop"
    done = run(make("b", n=3, model="wise"))
    assert done.result["n_cut_off"] == 3, "sealed as it came"
    assert done.result["usage"]["n_uncounted"] == 3
    assert "3 answers came with reasoning" in done.result["sentence"]


def test_a_private_address_is_refused_where_only_public_ones_are_allowed(
    make: MakeOrder, service: PlayedService
) -> None:
    port = service.url.split(":")[2].split("/")[0]
    with pytest.raises(NotAllowed, match="is in a private network"):
        run(make(url=f"http://localhost:{port}/v1", only_public=True))
    assert service.arrived == []


def test_a_public_address_is_asked_by_the_number_that_was_checked(
    make: MakeOrder, service: PlayedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = service.url.split(":")[2].split("/")[0]
    monkeypatch.setattr("storage.endpoints.public_number", lambda _endpoint: "127.0.0.1")
    run(make(url=f"http://api.example.com:{port}/v1", only_public=True, key=KEY, n=2))
    assert service.hosts == [f"api.example.com:{port}"] * 2
    assert service.keys == [KEY] * 2


@pytest.mark.long
def test_killed_in_the_middle_nothing_is_asked_twice(make: MakeOrder, service: PlayedService, tmp_path: Path) -> None:
    from conversations import Child

    service.slow_s = 0.2
    order = make(concurrency=1).model_copy(update={"log_file": str(tmp_path / "log"), "name": "answers"})
    child = Child()
    child.send(order)
    while child.hear().type != "advanced" or len(service.asked) < 4:
        pass
    os.kill(child.process.pid, signal.SIGKILL)
    child.process.wait()
    sealed = len((Path(order.asked_folder) / sealed_answers.FILE).read_bytes().splitlines())
    again = Child()
    again.send(order)
    planned = again.hear_until(Planned)
    again.hear_until(Done)
    assert planned.start_step == sealed >= 3
    repeated = len(service.asked) - N
    assert repeated <= 1, "only the one on its way"
    assert KEY not in Path(order.log_file).read_text()
