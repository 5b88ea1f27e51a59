"""What a process needs only while it lives goes with it, also when it is killed."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage import garbage, scratch
from storage.data import drafts
from storage.models import User
from storage.settings import settings

UNPACK = """
import sys
from pathlib import Path
from storage.data import drafts
look = drafts.look(Path(sys.argv[1]), "sent.zip")
print(look.source.bundle.folder.name, flush=True)
sys.stdin.read()
"""
Start = Callable[[], tuple[subprocess.Popen[str], Path]]


@pytest.fixture
def sent(studio: User, tmp_path: Path) -> Path:
    """A zip of two tables."""
    path = tmp_path / "sent.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name in ("a.csv", "b.csv"):
            file.writestr(name, "text,label\nhello,greeting\nbye,farewell\n")
    return path


@pytest.fixture
def start(sent: Path) -> Iterator[Start]:
    """`start()` gives a process that has unpacked the zip and waits, and the folder in which the files lie."""
    started: list[subprocess.Popen[str]] = []

    def begin() -> tuple[subprocess.Popen[str], Path]:
        process = subprocess.Popen(
            [sys.executable, "-c", UNPACK, str(sent)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        started.append(process)
        assert process.stdout
        return process, Path(process.stdout.readline().strip())

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def test_what_a_killed_process_unpacked_is_removed_and_nothing_of_living_ones(sent: Path, start: Start) -> None:
    look = drafts.look(sent, "sent.zip")
    assert look.source.bundle
    killed, left = start()
    assert {"0000", "0001"} <= {path.name for path in left.iterdir()}
    assert settings().root in left.parents
    assert garbage.collect() == []
    killed.kill()
    killed.wait()
    assert garbage.collect() == [left.parent]
    assert not left.parent.exists()
    assert [path.exists() for path, _ in look.source.bundle.members] == [True, True]


def test_a_process_that_ends_leaves_nothing(start: Start) -> None:
    ended, left = start()
    assert left.is_dir()
    ended.communicate("")
    assert not left.parent.exists()
    assert ended.returncode == 0


def test_the_rest_of_a_folder_that_was_half_removed_goes_too(studio: User) -> None:
    rest = scratch.folder().parent / "process-half"
    (rest / "studio-files-x").mkdir(parents=True)
    assert scratch.collect() == [rest]
    assert not rest.exists()
    assert scratch.folder().is_dir()
