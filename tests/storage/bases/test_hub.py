"""Base models from the hub: pinned to a commit, checked before the weights are fetched; and what without a hub."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import errors
from sqlmodel import select

from storage import db
from storage.bases import base_models
from storage.models import BaseModelRow, User
from templates.errors import BadInput, Unavailable


@pytest.fixture
def on_hub(tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, list[list[str]]]:
    """A hub with the model `org/tiny`, in the place of the one that tests can't reach; and what was fetched."""
    folder = tmp_path / "remote"
    shutil.copytree(tiny_model_folder, folder)
    (folder / "modeling_tiny.py").write_text("raise SystemExit")
    downloads: list[list[str]] = []

    def model_info(_self: Any, repo_id: str, **_options: Any) -> Any:
        siblings = [SimpleNamespace(rfilename=p.name, size=p.stat().st_size) for p in folder.iterdir()]
        return SimpleNamespace(sha="a" * 40, siblings=siblings, card_data=SimpleNamespace(license="apache-2.0"))

    def snapshot_download(repo_id: str, *, revision: str, local_dir: Path, allow_patterns: list[str]) -> str:
        assert (repo_id, revision) == ("org/tiny", "a" * 40)
        downloads.append(allow_patterns)
        for name in allow_patterns:
            shutil.copyfile(folder / name, local_dir / name)
        return str(local_dir)

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return folder, downloads


def test_a_hub_model_is_pinned_to_its_commit(studio: User, on_hub: tuple[Path, list[list[str]]]) -> None:
    row = base_models.add(studio, "tiny", "org/tiny")
    assert (row.source, row.origin, row.revision, row.license) == ("hub", "org/tiny", "a" * 40, "apache-2.0")
    assert "modeling_tiny.py" not in {path.name for path in base_models.folder(row).iterdir()}


def test_the_weights_of_an_unusable_hub_model_are_not_fetched(
    studio: User, on_hub: tuple[Path, list[list[str]]]
) -> None:
    folder, downloads = on_hub
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps({**config, "model_type": "tiny", "auto_map": {"AutoModel": "modeling_tiny.Tiny"}})
    )
    with pytest.raises(BadInput, match="never runs code"):
        base_models.add(studio, "tiny", "org/tiny")
    assert not any("model.safetensors" in names for names in downloads)
    with db.reading() as session:
        assert session.exec(select(BaseModelRow)).all() == []


def hub_raises(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def model_info(*_args: Any, **_options: Any) -> Any:
        raise error

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)


@pytest.mark.parametrize("error", [ConnectionError("no route"), errors.OfflineModeIsEnabled("offline"), TimeoutError()])
def test_without_the_hub_it_says_what_to_do(studio: User, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    hub_raises(monkeypatch, error)
    with pytest.raises(Unavailable, match="hf download org/tiny --local-dir"):
        base_models.add(studio, "tiny", "org/tiny")


@pytest.mark.parametrize(
    ("kind", "sentence"), [(errors.RepositoryNotFoundError, "has no model"), (errors.GatedRepoError, "is gated")]
)
def test_a_hub_model_that_can_not_be_had(
    studio: User, monkeypatch: pytest.MonkeyPatch, kind: type[Exception], sentence: str
) -> None:
    hub_raises(monkeypatch, kind.__new__(kind))
    with pytest.raises(BadInput, match=sentence):
        base_models.add(studio, "tiny", "org/tiny")
