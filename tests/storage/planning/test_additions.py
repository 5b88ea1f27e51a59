"""Asking for a base model: checked and pinned before a job exists, with every problem at once."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from storage import users
from storage.bases import base_models, catalogue
from storage.bases.sources import SOURCE, FolderSource, GgufSource, HubSource, PackageSource, ZipSource, shared_folder
from storage.data import uploads
from storage.jobs import jobs
from storage.models import Job, User
from storage.planning import additions
from templates.errors import BadInput, Conflict, NotAllowed, NotFound, StudioError, Unavailable
from tests.played_hub import PlayedHub


def source_of(job: Job) -> Any:
    return SOURCE.validate_python(job.spec["source"])


def refused(user: User, error: type[StudioError], *asked: str, **options: Any) -> StudioError:
    """The error; nothing was created."""
    before = len(jobs.of_user(user))
    with pytest.raises(error) as raised:
        additions.submit(user, *asked, **options)
    assert len(jobs.of_user(user)) == before
    return raised.value


def test_a_hub_model_is_pinned_when_it_is_submitted(studio: User, hub: PlayedHub, nano_folder: Path) -> None:
    hub.add("org/nano", nano_folder)
    job = additions.submit(studio, "mine", "org/nano", license="MIT")
    hub.add("org/nano", nano_folder, "b" * 40)
    assert (job.kind, job.name, job.state) == ("download", "mine", "QUEUED")
    assert (job.spec["license"], job.spec["shared"], job.spec["chat_template"]) == ("MIT", False, None)
    source = source_of(job)
    assert isinstance(source, HubSource)
    assert (source.id, source.revision) == ("org/nano", "a" * 40)
    other = source_of(additions.submit(studio, "mine-2", "org/nano"))
    assert other.revision == "b" * 40
    same = source_of(additions.submit(studio, "mine-3", f"org/nano@{'a' * 40}"))
    assert shared_folder(source) == shared_folder(same) != shared_folder(other)
    assert "model.safetensors" not in {name for name, *_ in hub.served}


def test_every_problem_is_said_at_once_and_nothing_is_created(
    studio: User, hub: PlayedHub, nano_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(nano_folder, tmp_path / "remote")
    config = json.loads((folder / "config.json").read_text())
    config |= {"architectures": ["BertModel"], "quantization_config": {"bits": 4}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").unlink()
    hub.add("org/odd", folder)
    said = str(refused(studio, BadInput, "studio-nano", "org/odd", chat_template="klingon"))
    for part in ("already the name", "“klingon” is not known", "BertModel", "already quantized", "tokenizer.json"):
        assert part in said
    assert said.count("klingon") == 1


def test_a_gated_model_is_refused_without_a_token(studio: User, hub: PlayedHub, nano_folder: Path) -> None:
    hub.add("org/locked", nano_folder, gated_for=set())
    assert refused(studio, BadInput, "mine", "org/locked").code == "gated"


def test_no_hub_is_no_reason_to_lose_anything(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    refused(studio, Unavailable, "mine", "org/nano")


def test_a_model_without_room_is_refused(
    studio: User, hub: PlayedHub, nano_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("org/nano", nano_folder)
    monkeypatch.setattr("storage.disk.free_bytes", lambda *_folders: 1000)
    assert "has only 1.0 kB free" in str(refused(studio, BadInput, "mine", "org/nano"))


def test_a_catalogued_model_comes_from_the_hub_or_a_package(
    studio: User, hub: PlayedHub, nano_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("Qwen/Qwen3-0.6B", nano_folder)
    source = source_of(additions.submit(studio, "qwen3-0.6b"))
    assert (source.id, source.license) == ("Qwen/Qwen3-0.6B", "apache-2.0")
    assert isinstance(source, HubSource)
    package = catalogue.get("smollm2-135m-instruct").package
    assert package is not None
    hub.packages[package.name] = tmp_path / "files"
    (tmp_path / "files").mkdir()
    assert refused(studio, StudioError, "smollm2-135m-instruct").code == "not_on_index"
    (tmp_path / "files" / package.file).write_bytes(b"another file")
    assert "another hash" in str(refused(studio, StudioError, "smollm2-135m-instruct"))
    monkeypatch.setattr("storage.bases.package_index._listed", lambda _answer: {package.file: ("http://x/y", "")})
    pinned = source_of(additions.submit(studio, "small", "smollm2-135m-instruct"))
    assert isinstance(pinned, PackageSource)
    assert (pinned.package, pinned.license) == (package, "Apache-2.0")


def test_a_folder_and_a_gguf_file_of_this_machine(studio: User, nano_folder: Path, tmp_path: Path) -> None:
    folder = source_of(additions.submit(studio, "one", str(nano_folder)))
    assert folder == FolderSource(title="studio-nano", path=str(nano_folder))
    (tmp_path / "m.Q4_1.gguf").write_bytes(b"GGUF....")
    file = source_of(additions.submit(studio, "two", str(tmp_path / "m.Q4_1.gguf")))
    assert file == GgufSource(title="m.Q4_1.gguf", path=str(tmp_path / "m.Q4_1.gguf"))
    (tmp_path / "fake.gguf").write_bytes(b"PK")
    assert "is not a GGUF file" in str(refused(studio, BadInput, "three", str(tmp_path / "fake.gguf")))
    assert "can't be read" in str(refused(studio, BadInput, "three", str(tmp_path / "none.gguf")))
    assert "does not exist" in str(refused(studio, BadInput, "three", "no-such-model"))
    assert "name of the catalogue" in str(refused(studio, BadInput, "", ""))


def test_accounts_read_this_machine_only_as_administrators(studio: User, nano_folder: Path, tmp_path: Path) -> None:
    alice, bob = (users.add(name, "correct horse battery") for name in ("alice", "bob"))
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    for path in (str(nano_folder), str(tmp_path / "m.gguf"), "../x", "~/model"):
        error = refused(bob, BadInput, "mine", path)
        assert "accounts can't add folders" in str(error)
        assert error.problems[0].field == "source"
    assert source_of(additions.submit(alice, "mine", str(nano_folder))).path == str(nano_folder)
    refused(bob, NotAllowed, "mine", str(nano_folder), shared=True)


def test_an_upload_is_a_gguf_file_or_a_zip(studio: User, nano_folder: Path) -> None:
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as file:
        file.write(nano_folder / "config.json", "nano/config.json")
    sent = {
        "m.gguf": io.BytesIO(b"GGUF...."),
        "nano.zip": io.BytesIO(zipped.getvalue()),
        "rows.csv": io.BytesIO(b"a,b\n1,2\n"),
    }
    ids = {name: uploads.save(studio, name, stream).id for name, stream in sent.items()}
    assert source_of(additions.submit(studio, "a", ids["m.gguf"])) == GgufSource(
        title="m.gguf", upload_id=ids["m.gguf"]
    )
    assert source_of(additions.submit(studio, "b", ids["nano.zip"])) == ZipSource(
        title="nano.zip", upload_id=ids["nano.zip"]
    )
    assert "neither a GGUF file nor a zip" in str(refused(studio, BadInput, "c", ids["rows.csv"]))
    other = users.add("eve", "correct horse battery")
    refused(other, NotFound, "c", ids["m.gguf"])


def test_the_name_is_reserved_until_the_job_ends(studio: User, nano_folder: Path) -> None:
    job = additions.submit(studio, "mine", str(nano_folder))
    assert "a job that has not ended" in str(refused(studio, BadInput, "mine", str(nano_folder)))
    with pytest.raises(BadInput, match="a job that has not ended"):
        base_models.add(studio, "mine", str(nano_folder))
    jobs.cancel(studio, job.id)
    again = jobs.retry(studio, job.id)
    assert (again.name, again.spec) == ("mine", job.spec)


def test_the_same_key_gives_the_same_job(studio: User, nano_folder: Path) -> None:
    first = additions.submit(studio, "mine", str(nano_folder), idempotency_key="k")
    assert additions.submit(studio, "mine", str(nano_folder), idempotency_key="k").id == first.id
    with pytest.raises(Conflict, match="different job"):
        additions.submit(studio, "other", str(nano_folder), idempotency_key="k")
