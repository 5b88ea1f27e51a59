"""A local server that plays the Hugging Face hub and a Python package index, and can misbehave in every way."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LARGE_BYTES = 10_000
"""Files from this size on are the hub's large ones, which have a sha256."""
PIECE_BYTES = 64 * 1024
DRIP_S = 0.4


@dataclass
class PlayedModel:
    """A model on the hub; each revision is a folder."""

    revisions: dict[str, Path]
    """By commit."""
    head: str
    gated_for: set[str] | None = None
    """The tokens that may read it; None: everybody."""

    def commit(self, revision: str | None) -> str | None:
        wanted = self.head if revision in (None, "main") else revision
        return wanted if wanted in self.revisions else None


@dataclass
class PlayedHub:
    """What the server offers, how it misbehaves, and what it has been asked for."""

    url: str = ""
    models: dict[str, PlayedModel] = field(default_factory=dict)
    datasets: dict[str, PlayedModel] = field(default_factory=dict)
    packages: dict[str, Path] = field(default_factory=dict)
    """Package → the folder with its files."""
    served: list[tuple[str, int, int]] = field(default_factory=list)
    """Answered requests for files: name, first byte, bytes sent."""
    tokens: list[str] = field(default_factory=list)
    """The tokens of all requests."""
    cuts: list[int] = field(default_factory=list)
    """The next answers with a file end after so many bytes."""
    failures: int = 0
    """The next so many requests are answered with 503."""
    gives_parts: bool = True
    """Whether it honours `Range`."""
    corrupts: bool = False
    hold_after: int | None = None
    """Each file stops after so many bytes until `released`."""
    drips: bool = False
    """From there on, each file goes on slowly instead."""
    released: threading.Event = field(default_factory=threading.Event)
    holds: threading.Event = field(default_factory=threading.Event)
    """Set once a file has stopped."""

    def add_dataset(self, name: str, folder: Path, gated_for: set[str] | None = None) -> None:
        """Put a dataset on the hub."""
        self.datasets[name] = PlayedModel({"d" * 40: folder}, "d" * 40, gated_for)

    def add(self, name: str, folder: Path, commit: str = "a" * 40, gated_for: set[str] | None = None) -> PlayedModel:
        """Put a model on the hub, or move its head to another commit."""
        found = self.models.setdefault(name, PlayedModel({}, commit))
        found.revisions[commit], found.head, found.gated_for = folder, commit, gated_for
        return found

    def sent(self, name: str) -> int:
        """The bytes of this file that were sent."""
        return sum(n_bytes for served, _, n_bytes in self.served if served == name)


def described(name: str, model: PlayedModel, commit: str) -> dict[str, Any]:
    """The hub's document about a model."""
    siblings = []
    for path in sorted(model.revisions[commit].iterdir()):
        content = path.read_bytes()
        oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        entry: dict[str, Any] = {"rfilename": path.name, "size": len(content), "blobId": oid}
        if len(content) >= LARGE_BYTES:
            sha256 = hashlib.sha256(content).hexdigest()
            entry["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 130}
        siblings.append(entry)
    gated = "manual" if model.gated_for is not None else False
    return {
        **{"id": name, "modelId": name, "sha": commit, "siblings": siblings, "gated": gated, "private": False},
        **{"tags": ["license:apache-2.0"], "downloads": 7, "likes": 3},
        "cardData": {"license": "apache-2.0", "language": ["en", "fr"]},
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: PlayedHub

    def log_message(self, *args: Any) -> None:
        """Stay silent."""

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        place = urlsplit(self.path)
        parts = [unquote(part) for part in place.path.strip("/").split("/")]
        self.token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.hub.tokens.append(self.token)
        if self.hub.failures:
            self.hub.failures -= 1
            return self._json({}, status=503)
        if parts[0] == "datasets" or parts[:2] == ["api", "datasets"]:
            return self._dataset(parts[parts.index("datasets") + 1 :], with_body)
        if parts[:2] == ["api", "models"]:
            return self._about(parts[2:], parse_qs(place.query))
        if len(parts) == 5 and parts[2] == "resolve":
            return self._hub_file("/".join(parts[:2]), parts[3], parts[4], with_body)
        if parts[0] == "simple" and len(parts) == 2:
            return self._index(parts[1])
        if parts[0] == "files" and len(parts) == 3:
            return self._file(self.hub.packages[parts[1]] / parts[2], with_body)
        return self._json({"error": "no such page"}, status=404)

    def _about(self, parts: list[str], query: dict[str, list[str]]) -> None:
        if not parts:
            wanted = query.get("search", [""])[0].lower()
            found = [(name, model) for name, model in self.hub.models.items() if wanted in name.lower()]
            return self._json([described(name, model, model.head) for name, model in found])
        name = "/".join(parts[:2])
        model = self.hub.models.get(name)
        if model is None:
            return self._json({"error": "Repository not found"}, status=404, code="RepoNotFound")
        commit = model.commit(parts[3] if parts[2:3] == ["revision"] else None)
        if commit is None:
            return self._json({"error": "Invalid rev id"}, status=404, code="RevisionNotFound")
        return self._json(described(name, model, commit))

    def _dataset(self, parts: list[str], with_body: bool) -> None:
        name, rest = "/".join(parts[:2]), parts[2:]
        found = self.hub.datasets.get(name)
        if found is None:
            return self._json({"error": "Repository not found"}, status=404, code="RepoNotFound")
        folder = found.revisions[found.head]
        if rest[:1] == ["resolve"]:
            if found.gated_for is not None and self.token not in found.gated_for:
                return self._json({"error": "gated"}, status=403 if self.token else 401, code="GatedRepo")
            file = folder / rest[2]
            return self._file(file, with_body) if file.is_file() else self._json({}, status=404, code="EntryNotFound")
        if rest[:1] == ["tree"]:
            return self._json(
                [{"type": "file", "path": p.name, "size": p.stat().st_size, "oid": "e" * 40} for p in folder.iterdir()]
            )
        if rest[:1] == ["revision"] and found.commit(rest[1]) is None:
            return self._json({"error": "Invalid rev id"}, status=404, code="RevisionNotFound")
        return self._json(described(name, found, found.head))

    def _hub_file(self, name: str, commit: str, file: str, with_body: bool) -> None:
        model = self.hub.models[name]
        if model.gated_for is not None and self.token not in model.gated_for:
            return self._json({"error": "gated"}, status=403 if self.token else 401, code="GatedRepo")
        return self._file(model.revisions[commit] / file, with_body)

    def _index(self, package: str) -> None:
        folder = self.hub.packages.get(package)
        if folder is None:
            return self._json({}, status=404)
        files = [
            {
                "filename": path.name,
                "url": f"../../files/{package}/{path.name}",
                "hashes": {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()},
            }
            for path in sorted(folder.iterdir())
        ]
        return self._json({"files": files}, kind="application/vnd.pypi.simple.v1+json")

    def _file(self, path: Path, with_body: bool) -> None:
        content = path.read_bytes()
        if self.hub.corrupts:
            content = content[:-1] + bytes([content[-1] ^ 1])
        asked = self.headers.get("Range", "") if self.hub.gives_parts else ""
        start, _, last = asked.removeprefix("bytes=").partition("-")
        first, end = int(start or 0), min(len(content), int(last) + 1 if last else len(content))
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{end - 1}/{len(content)}")
        self.send_header("Content-Length", str(end - first))
        self.send_header("X-Repo-Commit", "d" * 40)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.end_headers()
        if with_body:
            self._send(path.name, content[:end], first)

    def _send(self, name: str, content: bytes, first: int) -> None:
        end = min(len(content), first + self.hub.cuts.pop(0)) if self.hub.cuts else len(content)
        self.hub.served.append((name, first, end - first))
        for start in range(first, end, PIECE_BYTES):
            held = self.hub.hold_after
            if held is not None and start >= held and not self.hub.released.is_set():
                self.hub.holds.set()
                self.hub.released.wait(DRIP_S if self.hub.drips else 60)
            try:
                self.wfile.write(content[start : min(end, start + PIECE_BYTES)])
            except (BrokenPipeError, ConnectionResetError):
                self.hub.served[-1] = (name, first, start - first)
                break
        if end < len(content):
            self.close_connection = True

    def _json(self, document: Any, status: int = 200, code: str = "", kind: str = "application/json") -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if code:
            self.send_header("X-Error-Code", code)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent when a client goes away, as the killed ones do."""


@contextmanager
def playing() -> Iterator[PlayedHub]:
    """A running server."""
    hub = PlayedHub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    with _Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        hub.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield hub
        finally:
            hub.released.set()
            server.shutdown()
