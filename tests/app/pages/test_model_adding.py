"""The form that adds a model: every source, the token, and what it refuses."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from app import received
from app.pages import model_adding, models
from storage import credentials, users
from storage.bases import hub
from storage.bases.hub import Found
from storage.jobs import jobs
from storage.models import User
from storage.settings import settings

PLAIN = (model_adding.OWN_TEMPLATE, "", False)


def sent(user: User, name: str, data: bytes) -> str:
    """A file as the browser's upload leaves it."""
    folder = settings().inbox / "f"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    return str(received.keep(user, folder / name))


def zipped(folder: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    return packed.getvalue()


@pytest.fixture(autouse=True)
def inbox(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.pages.drop.get_upload_folder", lambda: str(settings().inbox))


def test_a_folder_is_queued_under_a_name_of_its_own(studio: User, tiny_model_folder: Path, asking: Any) -> None:
    said, key, token, file = model_adding.add(
        asking(studio), "key", "folder", "", "", None, str(tiny_model_folder), "", *PLAIN
    )
    (job,) = jobs.of_user(studio)
    assert job.kind == "download"
    assert job.name.startswith("tiny")
    assert f"“{job.name}” is on its way" in said
    assert (key != "key", token, file) == (True, "", None)


@pytest.mark.parametrize("name", ["small.gguf", "small.zip"])
def test_a_file_from_the_browser_is_kept_and_queued(
    studio: User, tiny_model_folder: Path, asking: Any, name: str
) -> None:
    data = b"GGUF" + bytes(100) if name.endswith("gguf") else zipped(tiny_model_folder)
    path = sent(studio, name, data)
    model_adding.add(asking(studio), "key", "file", "", "", path, "", "", *PLAIN)
    (job,) = jobs.of_user(studio)
    assert (job.name, job.spec["source"]["title"]) == ("small", name)
    assert not Path(path).exists(), "only the copy in the file store stays"


def test_nothing_typed_says_what_to_type(studio: User, asking: Any) -> None:
    for way, says in (("hub", "Hub id"), ("file", "File"), ("folder", "Folder")):
        refused = models.guarded(4)(model_adding.add)(asking(studio), "key", way, "", "", None, "", "x", *PLAIN)
        assert says in refused[0]
        assert "is missing" in refused[0]
    assert jobs.of_user(studio) == []


def test_a_refused_folder_names_the_problem_and_keeps_the_form(studio: User, asking: Any) -> None:
    alert, *kept = models.guarded(4)(model_adding.add)(
        asking(studio), "key", "folder", "", "", None, "/nowhere", "x", *PLAIN
    )
    assert "/nowhere" in alert
    assert all(isinstance(one, dict) for one in kept)


def test_somebody_elses_file_is_refused(studio: User, asking: Any) -> None:
    alice, bob = users.add("alice", "correct horse battery"), users.add("bob", "correct horse battery")
    path = sent(alice, "small.gguf", b"GGUF" + bytes(100))
    alert, *_ = models.guarded(4)(model_adding.add)(asking(bob), "key", "file", "", "", path, "", "", *PLAIN)
    assert "not a file that was sent here" in alert


def test_only_those_who_may_read_this_machine_see_the_folder(studio: User, asking: Any) -> None:
    def sources(user: User) -> list[str]:
        ways, shared = model_adding.allowed(asking(user))
        return [key for _, key in ways["choices"]] + ["shared"] * shared["visible"]

    assert sources(studio) == ["hub", "file", "folder"], "without accounts there is nobody to share with"
    alice, bob = users.add("alice", "correct horse battery"), users.add("bob", "correct horse battery")
    assert sources(alice) == ["hub", "file", "folder", "shared"], "the first account is an administrator's"
    assert sources(bob) == ["hub", "file"]


def test_a_token_is_kept_for_its_owner_and_leaves_the_form(
    studio: User, asking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_user: User, _asked: str) -> Any:
        raise hub.gated("a/b", True)

    monkeypatch.setattr(hub, "pin", refuse)
    alert, *_ = models.guarded(4)(model_adding.add)(asking(studio), "key", "hub", "a/b", "hf_x", None, "", "", *PLAIN)
    assert "gated" in alert
    assert "hf_x" not in alert
    found = credentials.token(studio.id, credentials.HUB)
    assert found is not None
    assert found.get_secret_value() == "hf_x"


def test_the_hub_is_searched_on_request(studio: User, asking: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Found("Qwen/Qwen3-0.6B", 1234567, 10, is_gated=True, license="apache-2.0")]
    monkeypatch.setattr(hub, "search", lambda _user, text: found if text == "qwen" else [])
    _, shown = model_adding.search_hub(asking(studio), " qwen ")
    assert 'data-which="Qwen/Qwen3-0.6B"' in shown
    assert "1,234,567 downloads · apache-2.0 · its licence must be accepted" in shown
    assert "no text-generation model" in model_adding.search_hub(asking(studio), "<b>")[1]
    assert "Type a part" in models.guarded(2)(model_adding.search_hub)(asking(studio), " ")[0]


@pytest.mark.parametrize("way", ["hub", "file", "folder"])
def test_each_source_asks_for_its_own(way: str) -> None:
    _, *parts = model_adding.switched(way)
    assert [part["visible"] for part in parts] == [way == "hub", way == "file", way == "folder"]


def test_a_hub_id_of_the_catalogue_brings_the_catalogues_facts() -> None:
    assert model_adding._named("Qwen/Qwen3-0.6B") == "qwen3-0.6b"
    original = "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert model_adding._named(original) == original, "not the quantized one of the package"
    assert model_adding._named("a/b") == "a/b"
