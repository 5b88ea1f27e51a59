"""The hub: models pinned to a commit, searched, gated, moved, gone; and what is said without a hub."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from storage import credentials, users
from storage.bases import hub as hubs
from storage.models import User
from templates.errors import BadInput, Unavailable
from tests.played_hub import PlayedHub

TOKEN = "hf_letmein"


def test_a_model_is_pinned_to_its_commit_with_the_files_that_it_needs(
    studio: User, hub: PlayedHub, nano_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(nano_folder, tmp_path / "remote")
    for name in ("modeling_tiny.py", "consolidated.safetensors", "pytorch_model.bin"):
        (folder / name).write_bytes(b"no")
    hub.add("org/tiny", folder)
    pinned = hubs.pin(studio, "org/tiny")
    assert (pinned.id, pinned.revision, pinned.license, pinned.languages) == (
        "org/tiny", "a" * 40, "apache-2.0", ("en", "fr"),
    )  # fmt: skip
    assert {file.name for file in pinned.files} == {path.name for path in nano_folder.iterdir()} - {"training.jsonl"}
    assert [file.name for file in pinned.files if file.sha256] == ["tokenizer.json", "model.safetensors"]


def test_a_revision_that_moves_stays_what_it_was(studio: User, hub: PlayedHub, nano_folder: Path) -> None:
    hub.add("org/tiny", nano_folder, "a" * 40)
    before = hubs.pin(studio, "org/tiny")
    hub.add("org/tiny", nano_folder, "b" * 40)
    assert hubs.pin(studio, "org/tiny@main").revision == "b" * 40
    assert hubs.pin(studio, f"org/tiny@{'a' * 40}") == before
    assert hubs.file_url(before, "config.json") == f"{hub.url}/org/tiny/resolve/{'a' * 40}/config.json"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("org/other", "The hub has no model “org/other”"),
        ("org/tiny@v9", "has no revision “v9”"),
        ("org/pickle", "can run code"),
        ("org/gguf", "Download one of its GGUF files"),
    ],
)
def test_a_model_that_can_not_be_had(
    studio: User, hub: PlayedHub, nano_folder: Path, tmp_path: Path, asked: str, said: str
) -> None:
    hub.add("org/tiny", nano_folder)
    for name, file in (("org/pickle", "pytorch_model.bin"), ("org/gguf", "tiny.Q4_1.gguf")):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / file).write_bytes(b"weights")
        hub.add(name, folder)
    with pytest.raises(BadInput, match=said):
        hubs.pin(studio, asked)


def test_a_gated_model_needs_the_token_of_an_account_that_may_read_it(
    studio: User, hub: PlayedHub, nano_folder: Path, tmp_path: Path
) -> None:
    hub.add("org/tiny", nano_folder, gated_for={TOKEN})
    pinned = hubs.pin(studio, "org/tiny")
    with pytest.raises(BadInput, match=r"gated.*you have stored no token") as refused:
        hubs.fetch_config(studio, pinned, tmp_path)
    assert "studio models token" in str(refused.value)
    credentials.keep(studio.id, credentials.HUB, "hf_other")
    with pytest.raises(BadInput, match="the account of your token isn't one of them"):
        hubs.fetch_config(studio, pinned, tmp_path)
    credentials.keep(studio.id, credentials.HUB, TOKEN)
    hubs.fetch_config(studio, pinned, tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "llama"
    assert hub.tokens[-1] == TOKEN


def test_the_studios_own_token_is_nobodys_once_there_are_accounts(
    studio: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    token = hubs.token_of(studio)
    assert token is not None
    assert token.get_secret_value() == TOKEN
    assert TOKEN not in repr(token)
    alice = users.add("alice", "correct horse battery")
    assert hubs.token_of(alice) is None


def test_a_search_names_models_and_how_they_are_licensed(studio: User, hub: PlayedHub, nano_folder: Path) -> None:
    hub.add("org/tiny-chat", nano_folder)
    hub.add("org/locked-chat", nano_folder, gated_for=set())
    hub.add("org/other", nano_folder)
    assert hubs.search(studio, "CHAT") == [
        hubs.Found("org/tiny-chat", 7, 3, False, "apache-2.0"),
        hubs.Found("org/locked-chat", 7, 3, True, "apache-2.0"),
    ]


def test_without_the_hub_it_says_what_to_do(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(Unavailable, match="hf download org/tiny --local-dir"):
        hubs.pin(studio, "org/tiny")
    with pytest.raises(Unavailable, match="does not respond"):
        hubs.search(studio, "tiny")


def test_a_hub_that_fails_is_not_mistaken_for_one_without_the_model(studio: User, hub: PlayedHub) -> None:
    hub.failures = 99
    with pytest.raises(Unavailable, match="does not respond"):
        hubs.pin(studio, "org/tiny")


@pytest.mark.parametrize(
    ("text", "is_id"),
    [
        ("org/tiny", True), ("org/tiny@v1.0", True), ("org/tiny@refs/pr/3", True), ("tiny", False), ("/etc/x", False),
        ("../x", False), ("a/b/c", False), ("org/tiny@", False), ("org/ti ny", False), ("a/" + "b" * 400, False),
    ],
)  # fmt: skip
def test_the_form_of_an_id(text: str, is_id: bool) -> None:
    assert hubs.is_id(text) == is_id
