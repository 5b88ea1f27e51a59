"""The form that lets a judge compare two models."""

from __future__ import annotations

import io
from typing import Any

import gradio as gr
import pytest

from app.pages import judge_form as form
from app.pages.alerts import guarded
from storage import endpoints
from storage.data import datasets, uploads
from storage.jobs import jobs
from storage.models import User
from templates.jobs.judge import JudgeParams
from templates.service import ServiceParams
from tests.played_service import KEY
from tests.storage.judging.rewarding import result
from tests.storage.votes.voting import NANO, SMALL, voted

URL = "https://judge.example.com/v1"
ROWS = b"".join(b'{"prompt": "Where is %d?", "completion": "Here."}\n' % i for i in range(60))
OFFERED = ("alert", "fold", "judged", "against", "data", "way", "reward", "no_reward", "url", "named", "allowed")
OFFERED += ("of_mine", "of_service", "cost")


def offered(request: Any) -> dict[str, Any]:
    return dict(zip(OFFERED, form.offer(request), strict=True))


def values(**changed: Any) -> list[Any]:
    """What the form's settings hold, with changes."""
    known = {**JudgeParams.model_fields, **ServiceParams.model_fields}
    return [changed.get(name, known[name].default) for name in form._settings()]


@pytest.fixture
def places(studio: User) -> None:
    datasets.add(studio, uploads.save(studio, "places.jsonl", io.BytesIO(ROWS)), name="places")


def test_models_with_votes_come_first_and_the_cost_is_said(studio: User, places: None, asking: Any) -> None:
    shown = offered(asking(studio))
    assert shown["fold"]["visible"]
    assert not shown["fold"]["open"]
    assert shown["way"] == form.SERVICE, "there is no reward model"
    assert "Train a reward model" in shown["no_reward"]
    assert (shown["of_mine"]["visible"], shown["of_service"]["visible"]) == (False, True)
    assert shown["cost"] == "", "it is counted once the form unfolds"
    result(studio, "tastes")
    result(studio, "tuned", kind="adapter")
    for i in range(3):
        voted(studio, f"Is it {i}?", "left")
    shown = offered(asking(studio))
    assert {name for name, _ in shown["judged"]["choices"][:2]} == {f"{NANO} · 3 votes", f"{SMALL} · 3 votes"}
    assert "tastes" not in [name for _, name in shown["judged"]["choices"]]
    assert {shown["judged"]["value"], shown["against"]["value"]} == {NANO, SMALL}
    assert (shown["data"]["value"], shown["way"], shown["reward"]["value"]) == ("places", form.REWARD, "tastes")
    named = offered(asking(studio, model=SMALL, against=NANO))
    assert "The reward model scores" in named["cost"]
    assert "votes on only 3 prompts" in named["cost"]
    named = offered(asking(studio, model="tuned", against=NANO))
    assert (named["judged"]["value"], named["against"]["value"], named["fold"]["open"]) == ("tuned", NANO, True)


def test_the_address_names_models_and_data(studio: User, places: None, asking: Any) -> None:
    towns = io.BytesIO(ROWS.replace(b"Where", b"Who"))
    datasets.add(studio, uploads.save(studio, "towns.jsonl", towns), name="towns")
    result(studio, "tuned", kind="adapter")
    assert offered(asking(studio))["data"]["value"] == "towns", "the newest one"
    shown = offered(asking(studio, model="tuned", data="places"))
    assert (shown["against"]["value"], shown["judged"]["value"]) == (NANO, "tuned"), "the model before it"
    assert (shown["data"]["value"], shown["alert"]) == ("places", gr.skip())
    shown = offered(asking(studio, model="gone", against="studio-x", data="lost"))
    for words in ("no model “gone”", "no model “studio-x”", "no dataset of prompts with held-out rows “lost”"):
        assert words in shown["alert"]
    shown = offered(asking(studio, model="gone", against=SMALL))
    assert shown["against"]["value"] == SMALL
    assert "“gone”" in shown["alert"]
    assert "“studio-small”" not in shown["alert"]


def test_the_cost_follows_the_choices(studio: User, places: None, asking: Any) -> None:
    result(studio, "tastes")
    wish = [asking(studio), SMALL, NANO, "places", form.SERVICE, "tastes"]
    assert "6 held-out prompts: 12 answers of at most 64 tokens" in form.cost(*wish, 10, 64)[1]
    alert, said = form.cost(*wish, -5, 0)
    assert alert == ""
    assert form.unfolded(*wish, -5, 0) == [gr.skip(), said]
    assert "Held-out prompts to judge: must be at least 10 (got -5)" in said
    assert "Longest answer: must be at least 1 (got 0)" in said
    assert "got 10.5" in form.cost(*wish, 10.5, 64)[1]
    assert form.cost(*wish, None, 64) == ["", ""]
    wish[2] = SMALL
    assert "two different models" in form.cost(*wish, 10, 64)[1]
    wish[2:4] = [NANO, "gone"]
    assert "no dataset" in guarded(2)(form.cost)(*wish, 10, 64)[0]


def test_a_reward_model_is_asked(studio: User, places: None, asking: Any) -> None:
    result(studio, "tastes")
    before = len(jobs.of_user(studio))
    given = [SMALL, NANO, "places", form.REWARD, "tastes", URL, "wise", "", "Be kind."]
    said, to = form.start(asking(studio), *given, *values(most_prompts=12))
    job = jobs.of_user(studio)[0]
    assert (said, to) == ("", f"jobs?job={job.id}")
    assert (job.spec["names"], job.spec["reward_model"], job.spec["params"]["most_prompts"]) == (
        [NANO, SMALL],
        "tastes",
        12,
    )
    assert "endpoint" not in job.spec, "what is hidden does not count"
    given[4] = None
    assert "Choose one of yours" in guarded(2)(form.start)(asking(studio), *given, *values())[0]
    assert "is empty" in guarded(2)(form.start)(asking(studio), *given, *values(most_prompts=None))[0]
    given[:2] = ["", None]
    assert "Choose a model." in guarded(2)(form.start)(asking(studio), *given, *values())[0]
    assert len(jobs.of_user(studio)) == before + 1


def test_a_service_is_asked_with_the_key_that_was_typed(studio: User, places: None, asking: Any) -> None:
    given = [SMALL, NANO, "places", form.SERVICE, None, URL, "wise", KEY, "Be kind."]
    form.start(asking(studio), *given, *values(concurrency=2.0))
    (job,) = jobs.of_user(studio)
    assert (job.spec["endpoint"]["url"], job.spec["endpoint"]["params"]["concurrency"]) == (URL, 2)
    assert job.spec["criteria"] == "Be kind."
    assert endpoints.key_of(studio, endpoints.parse(URL))


def test_a_refused_request_stores_no_key_and_tells_all(studio: User, places: None, asking: Any) -> None:
    start, wish = guarded(2)(form.start), (SMALL, SMALL, "", form.SERVICE, None)
    alert, _ = start(asking(studio), *wish, "", "", KEY, "", *values())
    for words in ("is named twice", "is not an address", "is missing"):
        assert words in alert
    alert, _ = start(asking(studio), *wish, URL, "", "two words", "", *values())
    for words in ("is named twice", "is missing", "one word of visible characters"):
        assert words in alert
    start(asking(studio), *wish, URL, "wise", KEY, "", *values())
    assert endpoints.origins_with_key(studio) == []
    assert jobs.of_user(studio) == []
