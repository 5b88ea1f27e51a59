"""The form that lets a model or a service answer a dataset's prompts."""

from __future__ import annotations

import io
from typing import Any

import gradio as gr
import pytest

from app.pages import prompts_form as form
from app.pages.alerts import guarded
from storage import endpoints, users
from storage.data import datasets, uploads
from storage.data.answers.answer_filter import filters
from storage.jobs import jobs
from storage.models import Dataset, User
from storage.settings import settings
from tests.played_service import KEY

URL = "https://api.example.com/v1"


def values(**changed: Any) -> list[Any]:
    """What the form's settings hold, with changes."""
    return [changed.get(name, info.default) for name, info in form._settings().items()]


def test_models_and_filters_are_offered(studio: User, asking: Any, tickets: Dataset, letters: Dataset) -> None:
    _, fold, model, name, picked, where = form.offer(asking(studio), f"data:{tickets.id}")
    assert fold["visible"]
    assert "studio-nano" in model["choices"]
    assert name == "tickets-answers"
    assert {key for _, key in picked["choices"]} == filters().keys()
    assert set(picked["value"]) == {"cut_off", "refusals", "exact_duplicates"}
    assert "sent to this address" in where
    assert form.offer(asking(studio), f"data:{letters.id}")[1]["visible"] is False


def test_prompts_without_answers_get_no_filter_that_compares(studio: User, asking: Any) -> None:
    rows = io.BytesIO(b'{"prompt": "Why?"}\n{"prompt": "How?"}\n' * 12)
    bare = datasets.add(studio, uploads.save(studio, "p.jsonl", rows), name="bare", shape="prompt_only")
    offered = {key for _, key in form.offer(asking(studio), f"data:{bare.id}")[4]["choices"]}
    assert "refusals" in offered
    assert not {"same_text", "same_number", "contains_label"} & offered


def test_a_model_answers(studio: User, asking: Any, tickets: Dataset) -> None:
    given = values(num_return_sequences=2, temperature=0.7, max_characters=90, min_agreement=0.9)
    said, to = form.answer(
        asking(studio), f"data:{tickets.id}", form.MODEL, "studio-nano", "", "", "", "mine", ["length"], *given
    )
    (job,) = jobs.of_user(studio)
    assert (said, to) == ("", f"jobs?job={job.id}")
    assert job.spec["filters"] == {"length": {"min_characters": 1, "max_characters": 90}}, "only what is picked"
    assert job.spec["params"]["num_return_sequences"] == 2
    assert "endpoint" not in job.spec


def test_a_service_answers_with_the_key_that_was_typed(studio: User, asking: Any, tickets: Dataset) -> None:
    wish = (f"data:{tickets.id}", form.SERVICE, "studio-nano", URL, "wise", KEY, "mine", ["refusals"])
    form.answer(asking(studio), *wish, *values(concurrency=2.0))
    (job,) = jobs.of_user(studio)
    assert (job.spec["endpoint"]["url"], job.spec["endpoint"]["params"]["concurrency"]) == (URL, 2)
    found = endpoints.key_of(studio, endpoints.parse(URL))
    assert found is not None
    assert found.get_secret_value() == KEY
    assert [p for p in settings().root.rglob("*") if p.is_file() and KEY.encode() in p.read_bytes()] == []
    assert "https://api.example.com:443" in form.offer(asking(studio), f"data:{tickets.id}")[5]


@pytest.mark.parametrize(("url", "named", "words"), [("", "wise", "is not an address"), (URL, "", "is missing")])
def test_what_is_missing_is_said(studio: User, asking: Any, tickets: Dataset, url: str, named: str, words: str) -> None:
    wish = (f"data:{tickets.id}", form.SERVICE, "studio-nano", url, named, KEY, "mine", [])
    alert, to = guarded(2)(form.answer)(asking(studio), *wish, *values())
    assert words in alert
    assert endpoints.origins_with_key(studio) == [], "errors create nothing"
    assert isinstance(to, dict)
    alert, _ = guarded(2)(form.answer)(asking(studio), *wish, *values(seed=None))
    assert "Seed" in alert
    assert jobs.of_user(studio) == []


def test_accounts_are_told_what_is_allowed(studio: User, asking: Any, tickets: Dataset) -> None:
    users.add("ann", "correct horse")
    assert "No administrator has allowed an address" in form.offer(asking(studio), f"data:{tickets.id}")[5]


def test_several_answers_need_a_temperature() -> None:
    assert form.warmer(3, 0) == form.USUAL_TEMPERATURE
    assert form.warmer(3, 0.2) == gr.skip()
    assert form.warmer(1, 0) == gr.skip()
    assert [part["visible"] for part in form.switched(form.SERVICE)] == [False, True]
