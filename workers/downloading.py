"""Fetches files over HTTP into a folder that several jobs may share, and goes on where an earlier attempt was killed.

huggingface_hub can't do this: since version 1 it begins every file anew in another process.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from pydantic import SecretStr

from storage import disk, files
from templates.errors import StudioError, Unavailable
from templates.quantities import size
from workers.arriving_file import ArrivingFile

CHUNK_BYTES = 256 * 1024
PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Waits after failed tries that brought nothing; then the download fails."""
TIMEOUT = httpx.Timeout(20.0, read=30.0)
LOOK_S = 0.5
REFUSED = (401, 403)
NO_HEAD = (405, 501)
log = logging.getLogger(__name__)


class Interrupted(Exception):
    """The worker no longer wants the files."""


@dataclass(frozen=True)
class Remote:
    """A file to fetch."""

    name: str
    size_bytes: int
    url: str = field(repr=False)
    """May contain a password."""
    sha256: str | None = None
    git_oid: str | None = None
    """git's SHA-1 of a file without `sha256`."""


@dataclass(frozen=True)
class Host:
    """Where the files come from."""

    name: str
    """For people, to begin a sentence."""
    refusal: Callable[[], StudioError]
    """The error for an account that may not read them."""
    token: SecretStr | None = None


@dataclass(frozen=True)
class Watch:
    """Who looks on."""

    tell: Callable[[int], None]
    """Takes the number of bytes that are on disk."""
    stopped: Callable[[], bool]
    """Whether nobody wants the files any more."""

    def check(self) -> None:
        """Raise `Interrupted` if nobody wants the files any more."""
        if self.stopped():
            raise Interrupted


def fetch(host: Host, remotes: Sequence[Remote], folder: Path, watch: Watch) -> int:
    """Fetch all the files into the folder; returns the bytes that came over the network now.

    Before it uses anything that is there already, it makes sure that this account may read the files. If another job
    is fetching into the folder, it waits for it. Raises `Interrupted`, `StudioError`, and `DiskFull`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    headers = {"Accept-Encoding": "identity"}
    if host.token:
        headers["Authorization"] = f"Bearer {host.token.get_secret_value()}"
    with httpx.Client(follow_redirects=True, timeout=TIMEOUT, headers=headers) as client:
        if remotes:
            _persist(host, watch, lambda: _refuse_without_access(client, host, remotes[0]), lambda: 0)
        with _alone(folder, remotes, watch):
            disk.need(sum(remote.size_bytes for remote in remotes) - on_disk(folder, remotes), folder)
            return sum(_fetch_one(client, host, remote, folder, remotes, watch) for remote in remotes)


def on_disk(folder: Path, remotes: Sequence[Remote]) -> int:
    """The bytes of these files that are surely on disk."""
    return sum(
        remote.size_bytes if (folder / remote.name).is_file() else ArrivingFile.synced_bytes(folder / remote.name)
        for remote in remotes
    )


@contextmanager
def _alone(folder: Path, remotes: Sequence[Remote], watch: Watch) -> Iterator[None]:
    """Hold the folder's lock, which ends with this process; until then, tell what the other job has fetched."""
    with (folder / ".lock").open("w") as lock:
        while not _locked(lock.fileno()):
            watch.check()
            watch.tell(on_disk(folder, remotes))
            time.sleep(LOOK_S)
        os.utime(folder)
        yield


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _fetch_one(
    client: httpx.Client, host: Host, remote: Remote, folder: Path, remotes: Sequence[Remote], watch: Watch
) -> int:
    """Fetch what is missing of one file; returns the bytes that came."""
    target = folder / remote.name
    if target.is_file():
        watch.tell(on_disk(folder, remotes))
        return 0
    part, n_came = ArrivingFile(target), 0
    try:

        def receive() -> None:
            nonlocal n_came
            for chunk in _chunks(client, host, remote, part):
                watch.check()
                n_came += len(chunk)
                if part.write(chunk):
                    watch.tell(on_disk(folder, remotes))

        if part.size_bytes < remote.size_bytes or not remote.size_bytes:
            _persist(host, watch, receive, lambda: part.size_bytes)
        part.sync()
        _verify(host, remote, part)
        part.finish(target)
    except Interrupted:
        part.sync()
        raise
    finally:
        part.close()
    watch.tell(on_disk(folder, remotes))
    return n_came


def _chunks(client: httpx.Client, host: Host, remote: Remote, part: ArrivingFile) -> Iterator[bytes]:
    """The missing bytes of the file. Raises `httpx.TransportError` for whatever another try may mend."""
    headers = {"Range": f"bytes={part.size_bytes}-"} if part.size_bytes else {}
    with client.stream("GET", remote.url, headers=headers) as answer:
        _refuse(host, remote, answer.status_code)
        if part.size_bytes and not answer.headers.get("content-range", "").startswith(f"bytes {part.size_bytes}-"):
            log.info("%s: the server gives no part of %s, so it begins again", host.name, remote.name)
            part.restart()
        for chunk in answer.iter_raw():
            if part.size_bytes + len(chunk) > remote.size_bytes:
                part.discard()
                raise _damaged(host, remote, "is longer than announced")
            yield chunk
    if part.size_bytes < remote.size_bytes:
        raise httpx.RemoteProtocolError("the answer ended too early")


def _persist(host: Host, watch: Watch, act: Callable[[], None], reached: Callable[[], int]) -> None:
    """Act again after a failure that may pass, as long as it gets further. Raises `Unavailable`."""
    n_vain = 0
    while True:
        before = reached()
        try:
            return act()
        except httpx.TransportError as error:
            n_vain = 0 if reached() > before else n_vain + 1
            log.info("%s: %s after %s", host.name, type(error).__name__, size(reached()))
            if n_vain >= len(PAUSES_S):
                raise _unreachable(host, error) from error
        until = time.monotonic() + PAUSES_S[n_vain]
        while time.monotonic() < until:
            watch.check()
            time.sleep(min(LOOK_S, PAUSES_S[n_vain]))


def _refuse_without_access(client: httpx.Client, host: Host, remote: Remote) -> None:
    """Ask for the file without its content, if the server allows that."""
    status = client.head(remote.url, follow_redirects=False).status_code
    if status not in NO_HEAD:
        _refuse(host, remote, status)


def _refuse(host: Host, remote: Remote, status: int) -> None:
    if status in REFUSED:
        raise host.refusal()
    if status in (404, 410):
        raise StudioError(
            f"{host.name} no longer has {remote.name} in this revision.",
            code="gone",
            remedy="Add the model again: its present revision is then taken.",
        )
    if status >= 400:
        raise httpx.RemoteProtocolError(f"status {status}")


def _verify(host: Host, remote: Remote, part: ArrivingFile) -> None:
    """Raise `StudioError`, and remove the file, unless it is what was announced."""
    if remote.sha256 is not None:
        is_right = files.sha256_of(part.path) == remote.sha256
    elif remote.git_oid is not None:
        is_right = _git_oid(part.path) == remote.git_oid
    else:
        is_right = part.size_bytes == remote.size_bytes
    if not is_right:
        part.discard()
        raise _damaged(host, remote, "is not what was announced: its checksum is another")


def _git_oid(path: Path) -> str:
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _damaged(host: Host, remote: Remote, what: str) -> StudioError:
    message = f"{remote.name} from {host.name} {what}. It was removed."
    return StudioError(message, code="checksum", remedy="Retry the job. If that doesn't help, use another source.")


def _unreachable(host: Host, error: Exception) -> Unavailable:
    return Unavailable(
        f"{host.name} does not respond ({type(error).__name__}).",
        code="unreachable",
        remedy="Retry the job later: it goes on where it stopped.",
    )
