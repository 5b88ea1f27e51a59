"""Changes of a file's bytes, whatever its format: flips, cuts, copies, and bytes that readers stumble over."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

Edit = Callable[[bytes, Random], bytes]
"""A changed copy of a file."""

# fmt: off
INTERESTING = (
    b"\x00", b"\xff", b"\x7f", b"\x1a", b"\x1b", b"\x0b", b"\x0c", b"\x1c", b"\x1f", b"\x80", b"\xc0\x80",
    b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc3", b"\xe2\x82", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff",
    b"\xe2\x80\xa8", b"\xc2\x85", b"\xc2\xa0", b"\xe2\x80\x8b", b"\xef\xbf\xbd", b"\xef\xbf\xbf",
    b"\r", b"\n", b"\r\n", b"\n\r", b"\r\r\n", b"\n\n", b" ", b"\t", b",", b";", b"|", b'"', b'""', b"'", b"\\",
    b'",', b',"', b'\n"', b'"\n', b"{", b"}", b"[", b"]", b":", b"[[[[[[[[", b"]]]]", b"null", b"NaN", b"-Infinity",
    b"1e999", b"-0", b"0x1", b"\\ud800", b"\\udc00\\ud800", b"\\u0000", b"\\u12", b"9" * 400, b"1." + b"0" * 200,
    b"<", b">", b"&", b"&#0;", b"&#xD800;", b"&#x110000;", b"&lt", b"</", b"<!--", b"-->", b"<![CDATA[", b"]]>",
    b"<?", b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"<script>", b"<table>", b"<pre>", b"<p hidden>", b"</body></html>",
    b"#", b"# ", b"\n# ", b"===", b"\n---\n", b"```", b"~~~", b"    ", b"PK\x01\x02", b"PK\x05\x06", b"%%EOF",
    b"endobj", b"endstream", b"PAR1", b"=1+1", b"_x0000_", b"_xD800_", b"\\N", b"text", b"label",
)
# fmt: on
"""What was once the end of some reader: control and invalid bytes, quotes, brackets, marks of the formats."""


def _place(data: bytes, draw: Random) -> int:
    return draw.randrange(len(data) + 1)


def _span(data: bytes, draw: Random) -> tuple[int, int]:
    begin = _place(data, draw)
    length = draw.choice((1, 1, 2, 4, 16, 64, len(data) // 4))
    return begin, min(len(data), begin + length)


def flip_bit(data: bytes, draw: Random) -> bytes:
    place = draw.randrange(max(1, len(data)))
    return data[:place] + bytes(byte ^ (1 << draw.randrange(8)) for byte in data[place : place + 1]) + data[place + 1 :]


def set_byte(data: bytes, draw: Random) -> bytes:
    place = _place(data, draw)
    return data[:place] + bytes([draw.choice((0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)))]) + data[place + 1 :]


def delete(data: bytes, draw: Random) -> bytes:
    begin, end = _span(data, draw)
    return data[:begin] + data[end:]


def duplicate(data: bytes, draw: Random) -> bytes:
    begin, end = _span(data, draw)
    return data[:end] + data[begin:end] * draw.choice((1, 1, 2, 20)) + data[end:]


def move(data: bytes, draw: Random) -> bytes:
    begin, end = _span(data, draw)
    rest = data[:begin] + data[end:]
    place = _place(rest, draw)
    return rest[:place] + data[begin:end] + rest[place:]


def truncate(data: bytes, draw: Random) -> bytes:
    return data[: _place(data, draw)]


def behead(data: bytes, draw: Random) -> bytes:
    return data[draw.choice((1, 2, 3, 4, _place(data, draw))) :]


def insert(data: bytes, draw: Random) -> bytes:
    place = _place(data, draw)
    return data[:place] + draw.choice(INTERESTING) + data[place:]


def overwrite(data: bytes, draw: Random) -> bytes:
    place, put = _place(data, draw), draw.choice(INTERESTING)
    return data[:place] + put + data[place + len(put) :]


def noise(data: bytes, draw: Random) -> bytes:
    begin, end = _span(data, draw)
    return data[:begin] + draw.randbytes(end - begin) + data[end:]


def mix_line_ends(data: bytes, draw: Random) -> bytes:
    ends = (b"\n", b"\r\n", b"\r", b"\n\n", b"\x0b", b"\xe2\x80\xa8")
    return b"".join(line.rstrip(b"\r\n") + draw.choice(ends) for line in data.splitlines(keepends=True))


def swap_lines(data: bytes, draw: Random) -> bytes:
    lines = data.splitlines(keepends=True)
    if len(lines) > 1:
        one, other = draw.randrange(len(lines)), draw.randrange(len(lines))
        lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def repeat_line(data: bytes, draw: Random) -> bytes:
    lines = data.splitlines(keepends=True) or [b""]
    place = draw.randrange(len(lines))
    return b"".join([*lines[:place], *[lines[place]] * draw.choice((2, 3, 50)), *lines[place + 1 :]])


def grow(data: bytes, draw: Random) -> bytes:
    """A piece repeated until it is long, as in a cell that was never closed."""
    begin, end = _span(data, draw)
    piece = data[begin:end] or b" "
    return data[:begin] + piece * (draw.choice((1_000, 20_000)) // len(piece) + 1) + data[end:]


def as_utf16(data: bytes, draw: Random) -> bytes:
    return data.decode("utf-8", "replace").encode(draw.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32")))


def as_code_page(data: bytes, draw: Random) -> bytes:
    text = data.decode("utf-8", "replace").replace("e", "é", 3)
    return text.encode(draw.choice(("cp1252", "cp1251", "mac_roman", "gb18030", "cp932")), "replace")


ANYWHERE: tuple[Edit, ...] = (
    flip_bit, flip_bit, set_byte, delete, duplicate, move, truncate, behead, insert, insert, overwrite, noise,
)  # fmt: skip
"""For any file."""
IN_TEXT: tuple[Edit, ...] = (
    *ANYWHERE, insert, insert, mix_line_ends, swap_lines, repeat_line, grow, as_utf16, as_code_page,
)  # fmt: skip
"""For files that are text."""


def spliced(data: bytes, other: bytes, draw: Random) -> bytes:
    """The begin of one file and the end of another, or a piece of the other inside the first."""
    if draw.random() < 0.5:
        return data[: _place(data, draw)] + other[_place(other, draw) :]
    begin, end = _span(other, draw)
    place = _place(data, draw)
    return data[:place] + other[begin:end] + data[place:]
