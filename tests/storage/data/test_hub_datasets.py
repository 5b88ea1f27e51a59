"""Rows of a dataset on the hub become an upload: pinned, limited, labelled, or refused with the choices."""

from __future__ import annotations

import json
from pathlib import Path

import datasets as library
import pytest

from storage import credentials
from storage.data import datasets, hub_datasets, uploads
from storage.models import User
from storage.settings import settings
from templates.errors import BadInput, Unavailable
from tests.played_hub import PlayedHub

CARD = """---
configs:
- config_name: default
  data_files:
  - {split: train, path: train.parquet}
  - {split: test, path: test.parquet}
---
"""


@pytest.fixture
def intents(hub: PlayedHub, tmp_path: Path) -> PlayedHub:
    """The dataset `org/intents` with labels as numbers."""
    folder = tmp_path / "intents"
    folder.mkdir()
    (folder / "README.md").write_text(CARD)
    features = library.Features(
        {"text": library.Value("string"), "label": library.ClassLabel(names=["refund", "card"])}
    )
    for split, n_rows in (("train", 30), ("test", 4)):
        rows = {"text": [f"{split} message {i}" for i in range(n_rows)], "label": [i % 2 for i in range(n_rows)]}
        library.Dataset.from_dict(rows, features=features).to_parquet(folder / f"{split}.parquet")
    hub.add_dataset("org/intents", folder)
    return hub


def rows_of(taken: hub_datasets.Taken) -> list[dict[str, str]]:
    return [json.loads(line) for line in uploads.path(taken.upload).read_text().splitlines()]


def test_the_first_rows_become_an_upload_like_a_file(studio: User, intents: PlayedHub) -> None:
    taken = hub_datasets.take(studio, "org/intents", rows=20)
    assert taken.revision == "d" * 40
    assert taken.upload.filename == "intents-train-first-20@dddddddd.jsonl"
    assert taken.note.startswith("org/intents at dddddddd, default, train: the first 20 rows. There are more")
    assert rows_of(taken)[:2] == [
        {"text": "train message 0", "label": "refund"},
        {"text": "train message 1", "label": "card"},
    ]
    made = datasets.add(studio, taken.upload, name="intents")
    assert (made.shape, made.n_rows, made.labels) == ("classification", 20, ["card", "refund"])
    assert [path.name for path in settings().files.glob("studio-hub-*")] == []


@pytest.mark.long
def test_another_split_and_what_is_said_about_wrong_choices(studio: User, intents: PlayedHub) -> None:
    taken = hub_datasets.take(studio, f"org/intents@{'d' * 40}", split="test")
    assert len(rows_of(taken)) == 4
    assert "all 4 rows" in taken.note
    for choice, said in (({"split": "nope"}, "it has: train, test"), ({"config": "nope"}, "it has: default")):
        with pytest.raises(BadInput, match=said):
            hub_datasets.take(studio, "org/intents", **choice)


@pytest.mark.long
def test_a_gated_dataset_needs_a_token(studio: User, intents: PlayedHub) -> None:
    intents.datasets["org/intents"].gated_for = {"hf_mine"}
    with pytest.raises(BadInput, match="gated"):
        hub_datasets.take(studio, "org/intents")
    credentials.keep(studio.id, credentials.HUB, "hf_mine")
    assert len(rows_of(hub_datasets.take(studio, "org/intents"))) == 30


def test_what_can_not_be_had_is_refused_before_anything_is_read(
    studio: User, intents: PlayedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadInput, match="The hub has no dataset “org/other”"):
        hub_datasets.take(studio, "org/other")
    with pytest.raises(BadInput, match="no revision “v9”"):
        hub_datasets.take(studio, "org/intents@v9")
    with pytest.raises(BadInput) as refused:
        hub_datasets.take(studio, "intents", rows=0)
    assert [problem.field for problem in refused.value.problems] == ["source", "rows"]
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(Unavailable, match="--repo-type dataset"):
        hub_datasets.take(studio, "org/intents")
