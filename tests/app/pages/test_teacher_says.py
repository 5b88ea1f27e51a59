"""“Ask the teacher” beside the row: its answer and its probabilities, from the real chat server."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import chat_servers
import gradio as gr
import pytest
from fastapi import FastAPI

from app import chat_client
from app.pages import teacher_says, train_form
from app.pages.alerts import guarded
from app.pages.filled import Filled
from storage.data import datasets, uploads
from storage.models import Dataset, User
from templates.errors import BadInput, Unavailable

ask = guarded(2)(teacher_says.asked)


@pytest.fixture
def server(studio: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from workers.serving.server import make_app

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with chat_servers.running(make_app(), monkeypatch):
        yield


def filled(request: gr.Request, objective: str = "distill_logits", **typed: Any) -> Filled:
    form = Filled(**train_form.opened(request)[-1])
    form = replace(form, objective=objective, base="studio-small", teacher="studio-nano")
    form = Filled(**train_form.drawn(train_form.acting(request), form)[-1])
    return replace(form, values={**form.values, **typed})


def test_its_answer_and_how_sure_it_is(studio: User, server: None, tickets: Dataset, asking: Any) -> None:
    form = filled(asking(studio))
    alert, shown = ask(asking(studio), form, 2.0)
    assert alert == ""
    row = datasets.rows(tickets, side="training", most=3)[2]
    turns = [{"role": "system", "content": tickets.instruction}, {"role": "user", "content": row["text"]}]
    same = chat_client.complete(
        "studio-nano", turns, user=studio, max_new_tokens=teacher_says.MOST_TOKENS, top_logprobs=teacher_says.N_TOP
    )
    assert same.text.strip() in shown
    assert "studio-nano" in shown
    assert "on row 3" in shown
    assert shown.count("<tr><td><code>") == len(same.tokens) > 0
    first = same.tokens[0]
    assert first.said == max(first.top, key=lambda one: one.probability), "the likeliest answer"
    assert sum(one.probability for one in first.top) <= 1.0001
    assert "below the instruction above" in shown
    assert "in the student’s chat template" in shown


def test_a_teacher_that_writes_is_asked_as_in_the_training(
    studio: User, server: None, tickets: Dataset, asking: Any
) -> None:
    form = replace(filled(asking(studio), "distill_text", max_new_tokens=3), instruction="")
    shown = ask(asking(studio), form, 0.0)[1]
    assert "cut off after 3 tokens" in shown
    assert "without an instruction" in shown
    assert "The training asks it in the same way." in shown
    warm = replace(form, values={**form.values, "teacher_temperature": 0.7})
    assert "drawn at temperature 0.7" in ask(asking(studio), warm, 0.0)[1]


def test_no_chat_server_is_said_in_words(
    studio: User, tickets: Dataset, asking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_CHAT_PORT", str(chat_servers.free_port()))
    alert, shown = ask(asking(studio), filled(asking(studio)), 0.0)
    assert "The chat server does not answer" in alert
    assert "studio serve" in alert
    assert shown == gr.skip()


def test_settings_that_are_wrong_are_said_first(studio: User, tickets: Dataset, asking: Any) -> None:
    with pytest.raises(BadInput, match="learning_rate"):
        teacher_says.asked(asking(studio), filled(asking(studio), learning_rate=7), 0.0)


def test_rows_that_chat_cannot_send_are_refused(studio: User, asking: Any) -> None:
    call = {"type": "function", "function": {"name": "track", "arguments": {"number": 3}}}
    talk = [
        {"role": "user", "content": "Where is it?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "Here."},
        {"role": "assistant", "content": "Here."},
    ]
    tool = {"type": "function", "function": {"name": "track", "parameters": {"type": "object", "properties": {}}}}
    line = json.dumps({"messages": talk, "tools": [tool]}).encode() + b"\n"
    datasets.add(studio, uploads.save(studio, "t.jsonl", io.BytesIO(20 * line)), name="calls")
    with pytest.raises(BadInput, match="Row 1 uses tools"):
        teacher_says.asked(asking(studio), filled(asking(studio, data="calls")), 0.0)


def served(choice: dict[str, Any]) -> FastAPI:
    """A chat server of somebody else's with one answer."""
    app = FastAPI()
    message = {"message": {"role": "assistant", "content": "lost"}, "finish_reason": "stop", **choice}
    app.post("/v1/chat/completions")(lambda: {"model": "theirs", "choices": [message]})
    return app


def test_another_server_may_tell_no_probabilities(
    studio: User, tickets: Dataset, asking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with chat_servers.running(served({"logprobs": None}), monkeypatch):
        shown = ask(asking(studio), filled(asking(studio)), 0.0)[1]
    assert "lost" in shown
    assert "doesn’t tell probabilities" in shown
    with (
        chat_servers.running(served({"logprobs": {"content": [{"token": "lost"}]}}), monkeypatch),
        pytest.raises(Unavailable, match="can’t be read"),
    ):
        teacher_says.asked(asking(studio), filled(asking(studio)), 0.0)


def test_another_row_takes_its_words_away(studio: User, tickets: Dataset, asking: Any) -> None:
    form = filled(asking(studio))
    shown = train_form.seen(asking(studio), form, 0.0, "next")
    assert len(shown) == train_form.N_SHOWN
    assert shown[-1] == ""
