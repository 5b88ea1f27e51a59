"""Downloads: resumed, checked, shared, and failures of every kind in words."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from storage.models import User
from storage.settings import settings
from templates.errors import BadInput, StudioError, Unavailable
from tests.played_hub import PIECE_BYTES, PlayedHub
from workers import arriving_file, downloading
from workers.arriving_file import ArrivingFile
from workers.downloading import Host, Interrupted, Remote, Watch

CONTENT = os.urandom(20 * PIECE_BYTES + 5)
NAME = "model.safetensors"
TOKEN = "hf_letmein"


def idle(_n_bytes: int) -> None:
    pass


WATCH = Watch(idle, lambda: False)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "PAUSES_S", (0.0, 0.0, 0.0))
    monkeypatch.setattr(downloading, "LOOK_S", 0.01)


@pytest.fixture
def remote(hub: PlayedHub, tmp_path: Path) -> Remote:
    """A file on the hub."""
    (tmp_path / "remote").mkdir()
    (tmp_path / "remote" / NAME).write_bytes(CONTENT)
    hub.add("org/m", tmp_path / "remote")
    url = f"{hub.url}/org/m/resolve/{'a' * 40}/{NAME}"
    return Remote(NAME, len(CONTENT), url, hashlib.sha256(CONTENT).hexdigest())


def host(token: str | None = None) -> Host:
    return Host("The hub", lambda: BadInput("gated"), SecretStr(token) if token else None)


def remote_folder() -> Path:
    """Where everybody's files arrive."""
    return settings().files / "downloads" / "x"


def fetch(remote: Remote, folder: Path, watch: Watch = WATCH, token: str | None = None) -> int:
    return downloading.fetch(host(token), [remote], folder, watch)


def test_a_file_arrives_whole_and_is_not_fetched_again(studio: User, hub: PlayedHub, remote: Remote) -> None:
    folder, told = remote_folder(), list[int]()
    assert fetch(remote, folder, Watch(told.append, lambda: False)) == len(CONTENT)
    assert (folder / NAME).read_bytes() == CONTENT
    assert told[-1] == len(CONTENT)
    assert fetch(remote, folder) == 0
    assert hub.sent(NAME) == len(CONTENT)
    assert {path.name for path in folder.iterdir()} == {NAME, ".lock"}


def test_a_broken_connection_goes_on_where_it_broke(studio: User, hub: PlayedHub, remote: Remote) -> None:
    hub.cuts = [PIECE_BYTES, 3 * PIECE_BYTES, 7]
    fetch(remote, remote_folder())
    assert (remote_folder() / NAME).read_bytes() == CONTENT
    assert hub.sent(NAME) == len(CONTENT), "no byte twice"
    assert [first for _, first, _ in hub.served] == [0, PIECE_BYTES, 4 * PIECE_BYTES, 4 * PIECE_BYTES + 7]


def test_a_server_without_ranges_is_asked_for_everything_again(studio: User, hub: PlayedHub, remote: Remote) -> None:
    hub.cuts, hub.gives_parts = [5 * PIECE_BYTES], False
    fetch(remote, remote_folder())
    assert (remote_folder() / NAME).read_bytes() == CONTENT
    assert hub.sent(NAME) == 5 * PIECE_BYTES + len(CONTENT)


def test_what_was_not_surely_on_disk_is_fetched_again(studio: User, hub: PlayedHub, remote: Remote) -> None:
    """A power failure may leave anything after the synced part."""
    folder = remote_folder()
    folder.mkdir(parents=True)
    part = ArrivingFile(folder / NAME)
    part.write(CONTENT[:PIECE_BYTES])
    part.sync()
    part.write(bytes(PIECE_BYTES))
    part.close()
    assert downloading.on_disk(folder, [remote]) == PIECE_BYTES
    fetch(remote, folder)
    assert (folder / NAME).read_bytes() == CONTENT
    assert hub.served == [(NAME, PIECE_BYTES, len(CONTENT) - PIECE_BYTES)]


def test_a_process_killed_in_the_middle_loses_nothing_that_was_synced(
    studio: User, hub: PlayedHub, remote: Remote
) -> None:
    folder, held = remote_folder(), 8 * PIECE_BYTES
    hub.hold_after = held
    program = (
        "import sys; from pathlib import Path; from workers import arriving_file, downloading as d\n"
        "arriving_file.SYNC_S = 0.0\n"
        "name, size, url, sha256, folder = sys.argv[1:]\n"
        "d.fetch(d.Host('hub', lambda: ValueError()), [d.Remote(name, int(size), url, sha256)], Path(folder),"
        " d.Watch(lambda n: print(n, flush=True), lambda: False))\n"
    )
    arguments = [remote.name, str(remote.size_bytes), remote.url, str(remote.sha256), str(folder)]
    with subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= held:
                break
        process.send_signal(signal.SIGKILL)
    synced = downloading.on_disk(folder, [remote])
    assert synced == held
    hub.released.set()
    assert fetch(remote, folder) == len(CONTENT) - held
    assert (folder / NAME).read_bytes() == CONTENT
    assert hub.served[-1] == (NAME, held, len(CONTENT) - held)


def test_two_who_ask_for_the_same_share_one_download(studio: User, hub: PlayedHub, remote: Remote) -> None:
    hub.hold_after = 2 * PIECE_BYTES
    told: list[int] = []
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(fetch, remote, remote_folder())
        assert hub.holds.wait(20)
        waits = threading.Event()

        def tell(n_bytes: int) -> None:
            told.append(n_bytes)
            waits.set()

        second = pool.submit(fetch, remote, remote_folder(), Watch(tell, lambda: False))
        assert waits.wait(20)
        hub.released.set()
        assert (first.result(20), second.result(20)) == (len(CONTENT), 0)
    assert told[-1] == len(CONTENT)
    assert hub.sent(NAME) == len(CONTENT)


def test_a_gated_file_that_is_there_already_still_needs_the_second_ones_own_token(
    studio: User, hub: PlayedHub, remote: Remote
) -> None:
    hub.models["org/m"].gated_for = {TOKEN}
    assert fetch(remote, remote_folder(), token=TOKEN) == len(CONTENT)
    for other in (None, "hf_wrong"):
        with pytest.raises(BadInput, match="gated"):
            fetch(remote, remote_folder(), token=other)
    assert fetch(remote, remote_folder(), token=TOKEN) == 0


def test_a_wrong_content_is_removed_and_said(studio: User, hub: PlayedHub, remote: Remote) -> None:
    hub.corrupts = True
    with pytest.raises(StudioError, match="its checksum is another"):
        fetch(remote, remote_folder())
    assert [path.name for path in remote_folder().iterdir()] == [".lock"]
    hub.corrupts = False
    assert fetch(remote, remote_folder()) == len(CONTENT)


def test_a_small_file_is_checked_by_its_hash_in_git(studio: User, hub: PlayedHub, remote: Remote) -> None:
    oid = hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()
    small = Remote(NAME, len(CONTENT), remote.url, None, oid)
    fetch(small, remote_folder())
    (remote_folder() / NAME).unlink()
    hub.corrupts = True
    with pytest.raises(StudioError, match="checksum"):
        fetch(small, remote_folder())


def test_a_longer_file_than_announced_is_refused(studio: User, hub: PlayedHub, remote: Remote) -> None:
    short = Remote(NAME, 100, remote.url, remote.sha256)
    with pytest.raises(StudioError, match="longer than announced"):
        fetch(short, remote_folder())


def test_a_server_that_fails_for_a_while_is_asked_again(studio: User, hub: PlayedHub, remote: Remote) -> None:
    hub.failures = 2
    assert fetch(remote, remote_folder()) == len(CONTENT)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/x", None])
def test_a_server_that_stays_away_is_said(studio: User, hub: PlayedHub, remote: Remote, address: str | None) -> None:
    hub.failures = 99
    gone = Remote(NAME, 5, address or remote.url)
    with pytest.raises(Unavailable, match="The hub does not respond") as failed:
        fetch(gone, remote_folder())
    assert "it goes on where it stopped" in str(failed.value)


def test_a_file_that_is_gone_is_said(studio: User, hub: PlayedHub, remote: Remote) -> None:
    gone = Remote("other", 5, f"{hub.url}/nothing/here")
    with pytest.raises(StudioError, match="no longer has other"):
        fetch(gone, remote_folder())


def test_what_nobody_wants_any_more_stops_and_can_go_on(
    studio: User, hub: PlayedHub, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arriving_file, "SYNC_S", 0.0)
    reached: list[int] = []
    watch = Watch(reached.append, lambda: bool(reached) and reached[-1] >= 2 * PIECE_BYTES)
    with pytest.raises(Interrupted):
        fetch(remote, remote_folder(), watch)
    there = downloading.on_disk(remote_folder(), [remote])
    assert 2 * PIECE_BYTES <= there < len(CONTENT)
    assert fetch(remote, remote_folder()) == len(CONTENT) - there


def test_an_address_with_a_password_is_not_shown() -> None:
    assert "hunter2" not in repr(Remote("a", 1, "https://me:hunter2@index/a"))
