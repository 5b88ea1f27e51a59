"""The form that lets a judge compare two models."""

from __future__ import annotations

import io
from typing import Any

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
    assert "no votes between these two" in shown["cost"]
    result(studio, "tastes")
    result(studio, "tuned", kind="adapter")
    for i in range(3):
        voted(studio, f"Is it {i}?", "left")
    shown = offered(asking(studio))
    assert {name for name, _ in shown["judged"]["choices"][:2]} == {f"{NANO} · 3 votes", f"{SMALL} · 3 votes"}
    assert "tastes" not in [name for _, name in shown["judged"]["choices"]]
    assert {shown["judged"]["value"], shown["against"]["value"]} == {NANO, SMALL}
    assert (shown["data"]["value"], shown["way"], shown["reward"]["value"]) == ("places", form.REWARD, "tastes")
    assert "The reward model scores" in shown["cost"]
    assert "votes on only 3 prompts" in shown["cost"]
    named = offered(asking(studio, model="tuned", against=NANO))
    assert (named["judged"]["value"], named["against"]["value"], named["fold"]["open"]) == ("tuned", NANO, True)


def test_the_cost_follows_the_choices(studio: User, places: None, asking: Any) -> None:
    result(studio, "tastes")
    wish = [asking(studio), SMALL, NANO, "places", form.SERVICE, "tastes"]
    assert "5 held-out prompts: 10 answers of at most 64 tokens" in form.cost(*wish, 5, 64)
    assert form.cost(*wish, None, 64) == ""
    wish[2] = SMALL
    assert "two different models" in form.cost(*wish, 10, 64)
    wish[2:4] = [NANO, "gone"]
    assert "no dataset" in guarded(1)(form.cost)(*wish, 10, 64)


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
    assert len(jobs.of_user(studio)) == before + 1


def test_a_service_is_asked_with_the_key_that_was_typed(studio: User, places: None, asking: Any) -> None:
    given = [SMALL, NANO, "places", form.SERVICE, None, URL, "wise", KEY, "Be kind."]
    form.start(asking(studio), *given, *values(concurrency=2.0))
    (job,) = jobs.of_user(studio)
    assert (job.spec["endpoint"]["url"], job.spec["endpoint"]["params"]["concurrency"]) == (URL, 2)
    assert job.spec["criteria"] == "Be kind."
    assert endpoints.key_of(studio, endpoints.parse(URL))
    alert, _ = guarded(2)(form.start)(asking(studio), SMALL, SMALL, "", form.SERVICE, None, "", "", "", "", *values())
    for words in ("is named twice", "is not an address", "is missing"):
        assert words in alert
