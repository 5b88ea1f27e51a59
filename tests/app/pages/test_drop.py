"""The drop zone keeps what the browser sent, and nothing else."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from sqlmodel import select

from app.pages import drop
from storage import db, disk
from storage.data import uploads
from storage.models import Upload, User


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where Gradio puts what the browser sends."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    (tmp_path / "gradio").mkdir()
    return tmp_path / "gradio"


def put(inbox: Path, content: str, name: str = "tickets.csv") -> Path:
    folder = Path(tempfile.mkdtemp(dir=inbox))
    (folder / name).write_text(content)
    return folder / name


def test_a_file_is_kept_and_leads_to_its_page(studio: User, inbox: Path, asking: object) -> None:
    sent = put(inbox, "text,label\nhello,greeting\nbye,farewell\n")
    alert, following = drop.take(asking(studio), [str(sent)])  # type: ignore[operator]
    assert alert == ""
    assert following.startswith("data?upload=")
    assert uploads.get(studio, following.removeprefix("data?upload=")).filename == "tickets.csv"
    assert not sent.exists()


def test_several_files_are_kept_as_one(studio: User, inbox: Path, asking: object) -> None:
    sent = [put(inbox, "text,label\nhello,greeting\nbye,farewell\n"), put(inbox, "text,label\nhi,greeting\n", "b.csv")]
    alert, following = drop.take(asking(studio), [str(path) for path in sent])  # type: ignore[operator]
    assert alert == ""
    assert uploads.get(studio, following.removeprefix("data?upload=")).filename == "tickets.csv and 1 more"
    assert not any(path.exists() for path in sent)


def test_a_path_that_did_not_come_through_the_browser_is_refused(
    studio: User, inbox: Path, tmp_path: Path, asking: object
) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("text,label\nhello,greeting\n")
    for forged in ("/etc/passwd", str(secret), f"{inbox}/../secret.csv", str(inbox)):
        alert, *rest = drop.take(asking(studio), [forged])  # type: ignore[operator]
        assert "not a file that was sent here" in alert
        assert rest == [gr.skip()]
    assert secret.exists()
    with db.reading() as session:
        assert session.exec(select(Upload)).all() == []


def test_a_file_that_cannot_be_read_is_told_at_once(studio: User, inbox: Path, asking: object) -> None:
    sent = put(inbox, "", "empty.csv")
    alert, _ = drop.take(asking(studio), [str(sent)])  # type: ignore[operator]
    assert 'role="alert"' in alert
    assert "empty" in alert
    assert not sent.exists()
    broken = put(inbox, '{"text": "a"}\n{"text": \n', "cut.jsonl")
    alert, _ = drop.take(asking(studio), [str(broken)])  # type: ignore[operator]
    assert "row 2" in alert
    with db.reading() as session:
        assert session.exec(select(Upload)).all() == []


def test_nobody_without_a_login(studio: User, inbox: Path, asking: object) -> None:
    alert, _ = drop.take(asking(None), [str(put(inbox, "text\nhello\n"))])  # type: ignore[operator]
    assert "Nobody is logged in" in alert


def test_a_file_that_does_not_fit_on_the_disk_is_told_with_both_sizes(
    studio: User, inbox: Path, asking: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = put(inbox, "text,label\n" + "hello,greeting\n" * 1_000)
    monkeypatch.setattr(disk, "free_bytes", lambda *_: 5_000)
    alert, _ = drop.take(asking(studio), [str(sent)])  # type: ignore[operator]
    assert "tickets.csv" in alert
    assert "needs 15 kB, but the studio&#39;s disk has 5.0 kB free" in alert
