"""Detects a file's format by its content; the name decides only if the content is ambiguous."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Literal

from storage.data.intake import bundles, containers, encodings, headers, strict_json, web_pages
from storage.data.intake.bundles import Scratch
from storage.data.intake.findings import Findings, refusal
from storage.data.intake.headers import usual_names
from storage.data.intake.readers import markdown, readers
from storage.data.intake.source import Source

HEAD_CHARS = 512 * 1024
SNIFFED_RECORDS = 200
DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "vertical bar"}
SUFFIXES = {
    **dict.fromkeys((".csv", ".tsv", ".tab"), "delimited"),
    ".json": "json_list",
    **dict.fromkeys((".jsonl", ".ndjson"), "json_lines"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".txt", ".text"), "plain_text"),
    **dict.fromkeys((".md", ".markdown"), "markdown"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xls"), "workbook"),
    **dict.fromkeys((".docx", ".doc"), "word"),
    ".pdf": "pdf",
    **dict.fromkeys((".html", ".htm", ".xhtml"), "html"),
    ".zip": containers.SEVERAL,
}
PLAIN_OR_MARKDOWN = {"plain_text", "markdown"}
"""Markdown without headings is read as plain text, which does not contradict its name."""
PAGE_IN_PLACE_OF = {
    "workbook": "Open it in Excel or LibreOffice, save it as .xlsx, and send that.",
    **dict.fromkeys(
        ("delimited", "json_list", "json_lines", "parquet", "pdf"),
        "A site may have sent it instead of the data, to ask for a login: download the file again.",
    ),
}
"""Formats for which sites often send a web page instead, and the remedies."""
NEVER_TEXT = {
    "parquet": ("is not a Parquet file, although its name says so.", "Write it again."),
    "pdf": (
        "is not a PDF, although its name says so.",
        "Download it again. If it is plain text, rename it to end in .txt.",
    ),
}
"""Format names that no text file should have, and the messages about a text file that has one."""
ZIP_MEANT = "Unpack it and send the file that you mean, or rename it to end in .zip."
NAMED_TEXT = ("delimited", "json_list", "json_lines", "plain_text", "markdown", "html")
MIN_EVEN_SHARE = 0.9
"""A text counts as a table without the name saying so if this share of its rows is equally wide."""


def find(
    path: Path, filename: str, findings: Findings, scratch: Scratch | None = None, *, replaces: bool = False
) -> Source:
    """The way to read the file. Raises `BadInput` for a file that no reader takes.

    With `replaces`, broken characters become �.
    """
    hint = SUFFIXES.get(Path(filename).suffix.lower())
    packed = containers.find(path, filename, SUFFIXES.keys() - {".zip"})
    if packed == containers.SEVERAL:
        if hint not in (None, packed):
            raise refusal(filename, "is a zip archive of other files, whatever its name says.", remedy=ZIP_MEANT)
        bundle = bundles.unpack(path, filename, scratch)
        return _agreed(Source(path, filename, packed, bundle=bundle, replaces=replaces), hint, findings)
    if packed:
        return _agreed(Source(path, filename, packed), hint, findings)
    is_page = web_pages.is_page(path, hint == "html")
    if is_page and hint in PAGE_IN_PLACE_OF:
        raise refusal(filename, "is a web page, whatever its name says.", remedy=PAGE_IN_PLACE_OF[hint])
    if hint in NEVER_TEXT:
        message, remedy = NEVER_TEXT[hint]
        raise refusal(filename, message, remedy=remedy)
    encoding = web_pages.find_encoding(path, filename) if is_page else encodings.find(path, filename)
    if is_page and encoding.is_flawed:
        remedy = "Save the page again in a browser, as UTF-8, and send that."
        raise refusal(filename, "mixes encodings: some of its bytes can't be read like the others.", remedy=remedy)
    if encoding.remark:
        findings.remark(encoding.remark)
    errors: Literal["strict", "surrogateescape"] = "surrogateescape" if encoding.is_flawed else "strict"
    form = "html" if is_page else "plain_text"
    source = Source(path, filename, form, encoding.name, errors=errors, replaces=replaces)
    with source.open() as stream:
        head = stream.read(HEAD_CHARS)
    if not head.strip():
        raise refusal(filename, "contains only whitespace.", remedy="Choose a file with data in it.")
    if is_page:
        return _agreed(source, hint, findings)
    key, delimiter = _by_content(head, hint if hint in NAMED_TEXT else None)
    return _agreed(replace(source, format=key, delimiter=delimiter), hint, findings)


def _agreed(source: Source, hint: str | None, findings: Findings) -> Source:
    """Notes differences between content and name, and the detected delimiter."""
    if hint is not None and hint != source.format and {hint, source.format} != PLAIN_OR_MARKDOWN:
        suffix = Path(source.filename).suffix
        title = readers()[source.format].TITLE + (f" ({DELIMITERS[source.delimiter]}s)" if source.delimiter else "")
        findings.remark(f"The name ends in {suffix}, but the content is {title}; it was read as such.")
    elif source.delimiter not in (None, ",", "\t") or (source.delimiter == "\t" and ".csv" in source.filename.lower()):
        findings.remark(f"The columns are separated by {DELIMITERS[source.delimiter or '']}s.")
    return source


def _by_content(head: str, hint: str | None) -> tuple[str, str | None]:
    begin = head.lstrip()
    if begin[0] in "[{" and (hint in ("json_list", "json_lines") or _opens_json(begin)):
        return _json_format(begin, hint), None
    if hint in ("json_list", "json_lines"):
        return hint, None  # its reader reports the problem
    if hint == "markdown" and markdown.has_sections(head):
        return "markdown", None
    delimiter, evenness, records = _delimiter(_lines(head))
    if hint == "delimited":
        return "delimited", delimiter
    if delimiter and evenness >= MIN_EVEN_SHARE and _is_header(records, hint):
        return "delimited", delimiter
    if hint is None and markdown.has_sections(head):
        return "markdown", None
    return "plain_text", None


def _opens_json(begin: str) -> bool:
    """Whether the text continues as JSON after its first bracket."""
    inner = begin[1:].lstrip()[:1]
    return inner in ("{", "]") if begin[0] == "[" else inner in ('"', "}")


def _json_format(begin: str, hint: str | None) -> str:
    first, _, rest = begin.partition("\n")
    if begin[0] == "[" and not (hint == "json_lines" and rest.lstrip().startswith("[")):
        return "json_list"
    try:
        value = strict_json.decode(first)
    except strict_json.Flaw:
        return hint if hint == "json_lines" else _json_of_broken_line(first, rest)
    wraps_rows = isinstance(value, dict) and any(
        isinstance(v, list) and v and isinstance(v[0], dict) for v in value.values()
    )
    is_row = not wraps_rows or any(key in usual_names("messages") for key in value)
    return "json_lines" if rest.strip() or (is_row and hint != "json_list") else "json_list"


def _json_of_broken_line(first: str, rest: str) -> str:
    """An object over several lines ends its first line early; a broken row is followed by another row."""
    opens_row = rest.lstrip().startswith("{")
    return "json_lines" if opens_row or (first.rstrip().endswith("}") and rest.strip()) else "json_list"


def _lines(head: str) -> list[str]:
    whole = head[: head.rfind("\n") + 1] if len(head) == HEAD_CHARS else head
    return StringIO(whole, newline="").readlines()


def _records(lines: list[str], delimiter: str) -> list[list[str]]:
    csv.field_size_limit(2**31 - 1)
    found: list[list[str]] = []
    try:
        for cells in csv.reader(lines, delimiter=delimiter):
            if cells:
                found.append(cells)
            if len(found) >= SNIFFED_RECORDS:
                break
    except csv.Error:
        pass  # the text up to here decides; the reader reports the flaw with its row
    return found


def _delimiter(lines: list[str]) -> tuple[str | None, float, list[list[str]]]:
    """The delimiter that splits most rows into as many cells as the first, their share, and the rows; None without.

    Titles above the column names do not count; a delimiter without any, or with usual names, comes first: signs
    that stand in every text (`<|im_end|>`) also split the rows evenly.
    """
    best: tuple[bool, bool, float, int, str, list[list[str]]] = (False, False, -1.0, 0, "", [])
    for delimiter in DELIMITERS:
        records = _records(lines, delimiter)
        n_titles = headers.n_titles(records)
        records = records[n_titles:]
        width = len(records[0]) if records else 0
        if width > 1:
            evenness = Counter(len(cells) for cells in records)[width] / len(records)
            named = not n_titles or headers.are_usual(records[0])
            even = evenness >= MIN_EVEN_SHARE
            best = max(best, (even and named, named, evenness, width, delimiter, records))
    return best[4] or None, best[2], best[5]


def _is_header(records: list[list[str]], hint: str | None) -> bool:
    """Whether the first row names columns: short, different names; in a `.txt` with a known one."""
    names = [cell.strip().lower() for cell in records[0]]
    short = all(name and headers.is_short(name) for name in names)
    return len(records) > 1 and short and len(set(names)) == len(names) and (hint is None or headers.are_usual(names))
