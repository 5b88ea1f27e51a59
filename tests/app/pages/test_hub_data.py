"""Rows of a dataset on the hub, taken by the form on the Data page."""

from __future__ import annotations

import io
from typing import Any

import pytest

from app.pages import hub_data
from app.pages.alerts import guarded
from storage.data import hub_datasets, uploads
from storage.data.hub_datasets import Taken
from storage.models import User


def test_the_rows_become_a_file_and_it_is_said_which(
    studio: User, asking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def take(user: User, source: str, **which: Any) -> Taken:
        asked.append((source, which))
        upload = uploads.save(user, "news-train@c0ffee00.jsonl", io.BytesIO(b'{"text": "a", "label": "b"}\n'))
        return Taken(upload, "c0ffee00", "a/news at c0ffee00, default, train: the first 5 rows.")

    monkeypatch.setattr(hub_datasets, "take", take)
    said, to = hub_data.take(asking(studio), " a/news ", "", " train", 5.0)
    assert asked == [("a/news", {"config": None, "split": "train", "rows": 5})]
    assert "the first 5 rows" in said
    assert to.startswith("data?upload=")


@pytest.mark.parametrize(("source", "rows", "says"), [("", 5, "not the id of a dataset"), ("a/b", 0, "between 1 and")])
def test_what_can_not_be_taken_is_said(studio: User, asking: Any, source: str, rows: float, says: str) -> None:
    alert, to = guarded(2)(hub_data.take)(asking(studio), source, "", "", rows)
    assert says in alert
    assert isinstance(to, dict)
