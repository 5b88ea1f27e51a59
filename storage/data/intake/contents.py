"""Tells by its values, and by words in its name, whether a column holds free texts, labels, answers or bookkeeping."""

from __future__ import annotations

import re
from collections.abc import Iterable

from storage.data.intake.tally import MAX_DISTINCT, Column
from templates.column_names import stands_for

MIN_TIMES = 3
"""Labels recur: on average, each value stands in at least this many rows; two values may do with fewer."""
MIN_ROWS_OF_TWO = 4
MAX_LABELS, MAX_LABEL_CHARS = 200, 60
FREE_SHARE = 0.5
"""Free texts differ: at least this share of the filled rows has its own."""
MIN_PROSE_CHARS = 40
"""Longer texts are no names, whatever their column is called."""
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
_NUMBER = re.compile(r"[-+]?[\d.,\s]*\d\s*[%€$£]?")
_DATE = re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}([T ,]+\d{1,2}:\d{2}.*)?|\d{1,2}:\d{2}(:\d{2})?")
_LINK = re.compile(r"(?i)(https?://|www\.)\S+|\S+@\S+\.\w+|\S*[/\\]\S+\.\w{1,5}")
_LANGUAGE = re.compile(r"[a-z]{2}([-_][A-Za-z]{2})?")
_SIDES = frozenset(("train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval", "heldout"))
_YES_NO = frozenset(
    (
        "true",
        "false",
        "yes",
        "no",
        "y",
        "n",
        "t",
        "f",
        "ja",
        "nein",
        "oui",
        "non",
        "vrai",
        "faux",
        "sí",
        "si",
        "是",
        "否",
    )
)


def is_answer(column: Column) -> bool:
    """Whether its name says that it holds answers, and it holds anything."""
    return column.kind != "empty" and stands_for("answer", column.name) and not stands_for("bookkeeping", column.name)


def is_label(column: Column) -> bool:
    """Whether its values look like labels: few different words, or two of anything, that recur; no bookkeeping."""
    return could_be_label(column) and (column.n_distinct == 2 or not is_plain(column))


def likeliest_labels(columns: Iterable[Column]) -> list[Column]:
    """Those that look like labels: words, or else numbers or yes and no."""
    found = [column for column in columns if is_label(column)]
    return [column for column in found if not is_plain(column)] or found


def could_be_label(column: Column) -> bool:
    """Like `is_label`, but numbers with more than two values count too."""
    if column.kind not in ("text", "texts", "integer", "boolean") or stands_for("bookkeeping", column.name):
        return False
    if any(pattern.fullmatch(one) for one in column.samples for pattern in (_DATE, _LINK)):
        return False
    values = {value.strip() for value in column.values}
    sides = {value.casefold() for value in values} <= _SIDES
    languages = all(map(_LANGUAGE.fullmatch, values)) and not values <= _YES_NO
    if values and (sides or languages):
        return False
    return recurs(column) and column.mean_chars <= MAX_LABEL_CHARS


def recurs(column: Column) -> bool:
    """Whether it has several values, each of which stands in several rows on average."""
    n, n_rows = column.n_distinct, column.n_present
    return (n == 2 and n_rows >= MIN_ROWS_OF_TWO) or (2 <= n <= MAX_LABELS and n_rows >= MIN_TIMES * n)


def is_plain(column: Column) -> bool:
    """Whether it holds numbers, or yes and no, and its name does not say that these are labels."""
    if stands_for("label", column.name):
        return False
    if column.kind in ("integer", "boolean"):
        return True
    return all(one.strip().casefold() in _YES_NO or _NUMBER.fullmatch(one.strip()) for one in column.samples)


def is_free_text(column: Column) -> bool:
    """Whether it holds texts of their own in most rows: no numbers, dates, links or identifiers."""
    if column.kind != "text" or is_fact(column):
        return False
    is_text = stands_for("question", column.name) or stands_for("text", column.name)
    if stands_for("bookkeeping", column.name) and not is_text and column.mean_chars < MIN_PROSE_CHARS:
        return False
    if column.n_distinct < min(MAX_DISTINCT, column.n_present * FREE_SHARE):
        return False
    return any(" " in one.strip() or _CJK.search(one) for one in column.samples)


def is_fact(column: Column) -> bool:
    """Whether its first values are numbers, dates or links."""
    odd = (_NUMBER, _DATE, _LINK)
    return any(pattern.fullmatch(one.strip()) for one in column.samples for pattern in odd)


def times(column: Column) -> str:
    """The reason why it looks like labels: “3 different values in 120 rows”."""
    return f"{column.n_distinct:,} different values in {column.n_present:,} rows"
