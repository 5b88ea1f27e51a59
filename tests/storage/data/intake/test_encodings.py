"""The encoding of a large file is found without having the file in memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.data.intake import encodings

ROW = "Übung, naïve café\n"
N_ROWS = 1_000_000


@pytest.fixture
def keep(tmp_path: Path) -> Callable[[bytes], Path]:
    """`keep(content)` writes a file."""

    def kept(content: bytes) -> Path:
        path = tmp_path / "content"
        path.write_bytes(content)
        return path

    return kept


def peak_of(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_large_file_in_another_encoding_takes_little_memory(keep: Callable[[bytes], Path]) -> None:
    path = keep(ROW.encode("cp1252") * N_ROWS)
    assert path.stat().st_size > 15_000_000
    found: list[encodings.Encoding] = []
    assert peak_of(lambda: found.append(encodings.find(path, "rows.csv"))) < 12_000_000
    assert found[0].name == "cp1252"


def test_a_byte_that_is_none_far_behind_leaves_the_file_what_it_is(keep: Callable[[bytes], Path]) -> None:
    before = ROW.encode() * 200_000
    path = keep(before + b"caf\xe9\n" + ROW.encode())
    assert encodings.find(path, "rows.csv") == encodings.Encoding("utf-8", is_flawed=True)


def test_a_stray_byte_among_western_letters_does_not_change_the_encoding(keep: Callable[[bytes], Path]) -> None:
    western = ROW.encode("cp1252") * 40
    found = encodings.find(keep(western + b"caf\x81\n"), "rows.csv")
    assert (found.name, found.is_flawed) == ("cp1252", True)
    text = "ťažký deň, býť či nebýť, šťastie\n" * 40
    assert encodings.find(keep(text.encode("cp1250")), "rows.csv").name == "cp1250"
