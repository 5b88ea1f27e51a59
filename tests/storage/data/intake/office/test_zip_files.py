"""A zip is judged by its list of parts before anything in it is unpacked."""

from __future__ import annotations

import bz2
import io
import lzma
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from storage.data.intake import look
from templates.errors import BadInput

BZIP2, LZMA, DEFLATE64, ZSTANDARD = 12, 14, 9, 93
BOMB_BYTES = 16 * 1024**2
MOST_BYTES = 4 * 1024**2


def packed(names: list[str], content: bytes, method: int, n_bytes: int = 1000) -> bytes:
    """A zip of parts that all hold `content`, said to be packed by `method` and to unpack to `n_bytes`."""
    parts, listed = b"", b""
    for name in names:
        sizes = struct.pack("<IIIHH", 0, len(content), n_bytes, len(name), 0)
        listed += struct.pack("<4sHHHHHH", b"PK\1\2", 46, 46, 0, method, 0, 0x21) + sizes
        listed += struct.pack("<HHHII", 0, 0, 0, 0, len(parts)) + name.encode()
        parts += struct.pack("<4sHHHHH", b"PK\3\4", 46, 0, method, 0, 0x21) + sizes + name.encode() + content
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, len(names), len(names), len(listed), len(parts), 0)
    return parts + listed + end


def bomb(method: int) -> bytes:
    """A few kilobytes that unpack to much in a single call."""
    plain = bytes(BOMB_BYTES)
    if method == BZIP2:
        return bz2.compress(plain)
    filters = [{"id": lzma.FILTER_LZMA1, "preset": 1}]
    raw = lzma.compress(plain, lzma.FORMAT_RAW, filters=filters)
    return struct.pack("<BBH", 9, 4, 5) + lzma._encode_filter_properties(filters[0]) + raw


@pytest.mark.parametrize("names", [["a.csv"], ["[Content_Types].xml", "xl/workbook.xml"], ["mimetype"]])
@pytest.mark.parametrize(("method", "called"), [(BZIP2, "bzip2"), (LZMA, "lzma")])
def test_a_bomb_is_refused_and_not_unpacked(tmp_path: Path, names: list[str], method: int, called: str) -> None:
    path = tmp_path / "sent.zip"
    path.write_bytes(packed(names, bomb(method), method))
    tracemalloc.start()
    try:
        with pytest.raises(BadInput, match=f"is packed with {called}, which the studio doesn't unpack"):
            look(path, "sent.zip")
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", [DEFLATE64, ZSTANDARD, 200])
def test_any_other_packing_is_refused_by_name(tmp_path: Path, method: int) -> None:
    path = tmp_path / "sent.zip"
    path.write_bytes(packed(["a.csv"], b"x", method))
    with pytest.raises(BadInput, match=r"is packed with .*Pack it again as an ordinary zip"):
        look(path, "sent.zip")


def test_a_part_that_is_longer_than_it_says_is_cut_off_there(tmp_path: Path) -> None:
    deflated = io.BytesIO()
    with zipfile.ZipFile(deflated, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.csv", bytes(BOMB_BYTES))
        info = file.infolist()[0]
    content = deflated.getvalue()[30 + len("a.csv") :][: info.compress_size]
    path = tmp_path / "sent.zip"
    path.write_bytes(packed(["a.csv"], content, zipfile.ZIP_DEFLATED))
    tracemalloc.start()
    try:
        with pytest.raises(BadInput, match="damaged"):
            look(path, "sent.zip")
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()
