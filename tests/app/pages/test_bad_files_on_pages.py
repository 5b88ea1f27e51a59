"""Bad files through the mounted pages as a browser sends them: told in words, and nothing is created.

It is dropped on the Start page. One that can't be read is refused there; with any other the reader is
taken to the Data page, which shows what is wrong and refuses “Use this data”.
"""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from app.main import create_app
from storage import db, garbage, users
from storage.data import datasets, uploads
from storage.models import Upload
from storage.settings import settings
from tests.conftest import forget_caches
from tests.storage.data.intake.bad_files import AT_A_DOOR, GOOD_CSV, BadFile

MAX_UPLOAD_BYTES = 51_000_000


class Browser:
    """What a browser does with the pages: sends a file, and lets a component's event run through the queue."""

    def __init__(self, client: TestClient):
        self.client = client
        config = client.get("/config").json()
        self._parts = {part["id"]: part for part in config["components"]}
        self._events = config["dependencies"]
        self._n_visits = 0

    def visit(self) -> None:
        """Load a page anew: what Gradio remembers of the one before is another page's."""
        self._n_visits += 1

    def send(self, filename: str, content: bytes) -> dict[str, Any]:
        """Upload a file; gives what the drop zone then holds."""
        sent = self.client.post("/gradio_api/upload", files={"files": (filename, content)})
        assert sent.status_code == 200, sent.text
        return {"path": sent.json()[0], "orig_name": filename, "meta": {"_type": "gradio.FileData"}}

    def event(self, elem_id: str, kind: str, output: str = "") -> dict[str, Any]:
        """The first event of this kind that the named component has, or that changes the component `output`."""
        return next(
            event
            for event in self._events
            if any(k == kind and (not elem_id or self._named(part, elem_id)) for part, k in event["targets"])
            and (not output or any(self._named(part, output) for part in event["outputs"]))
        )

    def _named(self, part: int, elem_id: str) -> bool:
        return part in self._parts and self._parts[part]["props"].get("elem_id") == elem_id

    def run(self, event: dict[str, Any], data: list[Any], query: str = "") -> list[Any]:
        """Let the event happen on a page with this query; gives the values of its outputs."""
        wish = {"fn_index": event["id"], "data": data, "session_hash": f"visit{self._n_visits}"}
        joined = self.client.post(f"/gradio_api/queue/join?{query}", json=wish)
        assert joined.status_code == 200, joined.text
        with self.client.stream("GET", f"/gradio_api/queue/data?session_hash={wish['session_hash']}") as answer:
            lines = [json.loads(line[5:]) for line in answer.iter_lines() if line.startswith("data:")]
        completed = next(line for line in lines if line["msg"] == "process_completed")
        assert completed["success"], completed
        return [_value(output) for output in completed["output"]["data"]]


def _value(output: Any) -> Any:
    return output.get("value") if isinstance(output, dict) and output.get("__type__") == "update" else output


def words(shown: list[Any]) -> str:
    """What a person reads of it: without markup, and without the quotation marks that bold type stands for."""
    text = " ".join(value for value in shown if isinstance(value, str))
    return html.unescape(re.sub(r"<[^>]*>", "", text)).replace("“", "").replace("”", "")


@pytest.fixture(scope="module")
def browser(migrated_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser before the whole web app over a studio of this module's own."""
    folder = tmp_path_factory.mktemp("studio")
    shutil.copy(migrated_database, folder / "studio.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDIO_DATA_DIR", str(folder))
        patch.setenv("STUDIO_MAX_UPLOAD_BYTES", str(MAX_UPLOAD_BYTES))
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "inbox"))
        forget_caches()
        with TestClient(create_app(), base_url="http://127.0.0.1:7860", raise_server_exceptions=False) as client:
            yield Browser(client)
    forget_caches()


def kept() -> list[Upload]:
    with db.reading() as session:
        return list(session.exec(select(Upload)))


def stored_files() -> list[Path]:
    return sorted(path for path in settings().files.rglob("*") if path.is_file())


def dropped(browser: Browser, filename: str, content: bytes) -> tuple[str, str]:
    """Drop a file on the Start page: what the alert says, and where the reader is taken."""
    browser.visit()
    alert, following = browser.run(browser.event("drop", "upload"), [[browser.send(filename, content)]])
    return alert, following if isinstance(following, str) else ""


def used(browser: Browser, address: str) -> tuple[list[Any], list[Any]]:
    """Open the Data page at this address and press “Use this data”: what is shown, and what comes of it."""
    browser.visit()
    opening, using = browser.event("", "load", "data-name"), browser.event("use-data", "click")
    shown = browser.run(opening, [], address.partition("?")[2])
    by_part = dict(zip(opening["outputs"], shown, strict=True))
    return shown, browser.run(using, [by_part[part] for part in using["inputs"]])


def test_a_good_file_gets_through(browser: Browser) -> None:
    alert, address = dropped(browser, "mail.csv", GOOD_CSV.encode())
    assert alert == ""
    _shown, (refusal, following) = used(browser, address)
    assert (refusal, following) == ("", "train?data=mail")
    assert [made.name for made in datasets.of_user(users.local())] == ["mail"]
    datasets.delete(users.local(), "mail")


@pytest.mark.parametrize("bad", AT_A_DOOR)
def test_a_bad_file_is_refused_in_words(browser: Browser, bad: BadFile) -> None:
    before, files_before = kept(), stored_files()
    alert, address = dropped(browser, bad.filename, bad.data())
    told = [words([alert])]
    if address:
        shown, (refusal, following) = used(browser, address)
        assert not isinstance(following, str), "the reader stays with the form"
        told = [words(shown), words([refusal])]
        left = next(upload for upload in kept() if upload not in before)
        uploads.discard(users.local(), left)
    for text in told:
        for part in (*bad.says, bad.filename):
            assert part.replace("“", "").replace("”", "") in text
        assert "Traceback" not in text
    assert kept() == before
    assert datasets.of_user(users.local()) == []
    assert stored_files() == files_before


def test_a_file_over_the_limit_is_refused_while_it_comes_in(browser: Browser) -> None:
    before = stored_files()
    sent = browser.client.post("/gradio_api/upload", files={"files": ("big.csv", bytes(MAX_UPLOAD_BYTES + 1))})
    assert (sent.status_code, "Traceback" in sent.text) == (413, False)
    assert "maximum allowed size" in sent.text
    assert stored_files() == before


def test_a_file_that_broke_off_becomes_nothing(browser: Browser) -> None:
    before = kept()
    part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="half.csv"\r\n\r\ntext,label\nhal'
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    sent = browser.client.post("/gradio_api/upload", content=part, headers=headers)
    assert sent.json() == []
    assert kept() == before
    garbage.collect(older_than_s=-1.0)
    assert not [path for path in settings().inbox.rglob("*") if path.is_file()]
