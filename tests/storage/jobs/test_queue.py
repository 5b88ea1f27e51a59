"""The doorbell: rung twice in one process, gone and come back, and its litter."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from storage.jobs import queue
from storage.models import User
from storage.settings import settings
from tests.conftest import forget_caches


def messages() -> list[int]:
    with sqlite3.connect(settings().root / "broker.db") as broker:
        return [row[0] for row in broker.execute("SELECT visible FROM kombu_message ORDER BY id")]


def test_every_ring_is_a_message(studio: User) -> None:
    assert [queue.ring("a"), queue.ring("b")] == [True, True]
    assert messages() == [1, 1]


def test_delivered_messages_are_deleted_and_others_kept(studio: User) -> None:
    queue.forget_delivered()  # no broker yet
    queue.ring("a")
    queue.ring("b")
    with sqlite3.connect(settings().root / "broker.db") as broker:
        broker.execute("UPDATE kombu_message SET visible = 0 WHERE id = 1")
    queue.forget_delivered()
    assert messages() == [1]


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "studio+sqlite:////nowhere/broker.db"])
def test_a_broker_that_is_away_is_no_error(studio: User, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("STUDIO_BROKER_URL", url)
    forget_caches()
    assert queue.ring("a") is False


def test_only_the_embedded_broker_has_a_file(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    assert queue.embedded_file() == Path(settings().root / "broker.db")
    monkeypatch.setenv("STUDIO_BROKER_URL", "redis://127.0.0.1:1/0")
    forget_caches()
    assert queue.embedded_file() is None


@pytest.mark.parametrize("again", [False, True], ids=["deleted", "replaced"])
def test_a_broker_whose_file_is_gone_is_made_again(studio: User, again: bool) -> None:
    file = settings().root / "broker.db"
    with queue.celery().connection_for_read() as connection:
        consumer = connection.SimpleQueue("studio")
        assert queue.ring("a")
        consumer.get(timeout=5).ack()
        for _ in range(2):
            file.unlink()
            if again:
                file.write_bytes(b"")
            assert queue.ring("b") is True
            assert messages() == [1]
            consumer.get(timeout=5).ack()
            assert messages() == [0]
