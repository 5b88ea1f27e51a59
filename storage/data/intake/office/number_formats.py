"""Spreadsheet numbers as the text that their cells show, for the common number formats.

Dates and times are written as year-month-day and hours:minutes, whatever the sheet's own order. Formats with
conditions, fractions or words between the digits give the plain number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

from openpyxl.styles.numbers import BUILTIN_FORMATS, STRIP_RE
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH

GENERAL = "General"
BUILT_IN = {
    **{key: code.replace('"$"', "") for key, code in BUILTIN_FORMATS.items()},  # the currency is the reader's own
    **dict.fromkeys((*range(27, 32), 36, *range(50, 55), 57, 58), "yyyy-mm-dd"),
    **dict.fromkeys((32, 34, 55), "h:mm"),
    **dict.fromkeys((33, 35, 56), "h:mm:ss"),
}
"""Codes of the formats that a file names only by number, including the East Asian ones."""
EXACT_DIGITS = 15
"""Digits of a number that a spreadsheet keeps."""
MOST, LEAST = 1e15, 1e-9
"""Numbers without a format are written without an exponent between these two."""
MAX_CODE_CHARS = 255
"""Maximum length of a format code, as in Excel."""
_WIDE = Context(prec=1000, rounding=ROUND_HALF_UP)
"""Precise enough for the largest number with as many per cent signs and decimals as fit into a code."""
_DAY_S = 86_400
_LAST_DAY = 2_958_465
_LEAP_DAY_THAT_NEVER_WAS = 60
"""Spreadsheets count 29 February 1900, so days before it are one off."""
_SEMICOLON = re.compile(r';(?=(?:[^"]*"[^"]*")*[^"]*$)')
_CLOCK = re.compile(r"[^0#?]*?(?<![_\\])[dmyhs]")
"""In a date or time format without its words, a letter comes before any digit."""
_CONDITION = re.compile(r"\[[<>=]")
_WORDS = r'(?:"[^"]*"|\\.|_.|\*.|\[[^\]]*\]|[^][0#?.,E@"\\_*])*'
_DIGITS = r"(?P<whole>(?:[0#?,]+(?:-0+)*)?)(?:\.(?P<part>[0#?]*))?(?P<scale>,*)(?:E(?P<sign>[+-])(?P<power>0+))?"
_FORMAT = re.compile(
    rf"(?P<before>{_WORDS}?)(?:(?P<general>(?i:general)|@)|(?!.*(?i:general)){_DIGITS})(?P<after>{_WORDS})", re.DOTALL
)
"""Words around the number's place."""
_WORD = re.compile(r'"([^"]*)"|\\(.)|(_).|\*.|\[\$([^]-]*)[^]]*\]|\[[^]]*\]', re.DOTALL)
_GROUP = re.compile(r"(?<=\d)(?=(?:\d{3})+$)")


@dataclass(frozen=True)
class Shown:
    """A number as text; `hides`: the cell shows less than the number holds."""

    text: str
    hides: bool = False
    is_date: bool = False


@lru_cache(maxsize=100_000)
def shown(value: float, code: str, *, from_1904: bool = False) -> Shown:
    """`value`, which must be finite, as a cell with this format code shows it."""
    found = None
    if code != GENERAL:
        letters = STRIP_RE.sub("", code.split(";")[0]).lower()
        found = _moment(value, letters, from_1904) if _CLOCK.match(letters) else _formatted(value, code)
    return found or Shown(_general(value))


def _formatted(value: float, code: str) -> Shown | None:
    """The number, by the format's part for its sign; None for an unsupported format or one that shows nothing."""
    sections = _SEMICOLON.split(code)
    own_sign = value < 0 and len(sections) > 1
    found = _FORMAT.fullmatch(sections[1 if own_sign else 2 if value == 0 and len(sections) > 2 else 0])
    written = None if found is None or _CONDITION.search(code) else _written(value, found)
    if written is None or not written[0].strip():
        return None
    text, rounded, wanted = written
    return Shown(("-" if value < 0 and not own_sign and rounded else "") + text.strip(), rounded != wanted)


def _general(value: float) -> str:
    """A number without a format, as text."""
    exact = f"{value:.{EXACT_DIGITS}g}"
    return f"{Decimal(exact):f}" if value == 0 or LEAST <= abs(value) < MOST else exact.upper()


def _written(value: float, found: re.Match[str]) -> tuple[str, Decimal, Decimal] | None:
    """The number without its sign, with words around it: rounded, and exact; None for exponents in steps."""
    before, after = (_WORD.sub(_spelled, found[name]) for name in ("before", "after"))
    exact = abs(Decimal(f"{value:.{EXACT_DIGITS}g}"))
    whole, part = found["whole"] or "", found["part"]
    if found["general"]:
        return before + _general(abs(value)) + after, exact, exact
    if not whole.strip(",") and part is None:
        return before + after, exact, exact  # words instead of the number
    if found["power"]:
        mantissa, _, power = f"{exact:.{len(part or '')}E}".partition("E")
        sign = "-" if int(power) < 0 else found["sign"].replace("-", "")
        text = f"{mantissa}E{sign}{abs(int(power)):0{len(found['power'])}d}"
        return (before + text + after, Decimal(f"{mantissa}E{power}"), exact) if len(whole) == 1 else None
    thousands = len(whole) - len(whole.rstrip(",")) + len(found["scale"])
    percents = sum(_WORD.sub("", found[name]).count("%") for name in ("before", "after"))
    wanted = _WIDE.scaleb(exact, 2 * percents - 3 * thousands)
    rounded = wanted.quantize(Decimal(1).scaleb(-len(part or "")), context=_WIDE)
    digits, _, decimals = f"{rounded:f}".partition(".")
    digits = digits.lstrip("0").zfill(whole.count("0"))
    decimals = decimals.rstrip("0").ljust(len((part or "").rstrip("#")), "0")
    digits = _GROUP.sub(",", digits) if "," in whole.rstrip(",") else digits
    tail = ""
    for run in whole.split("-")[:0:-1]:  # 000-00-0000
        digits, tail = digits[: -len(run)], f"-{digits[-len(run) :]}{tail}"
    return f"{before}{digits}{tail}{'.' if decimals else ''}{decimals}{after}", rounded, wanted


def _spelled(word: re.Match[str]) -> str:
    quoted, escaped, pad, currency = word.groups()
    return " " if pad else quoted or escaped or currency or ""


def _moment(value: float, letters: str, from_1904: bool) -> Shown | None:
    """Date, time or duration; None for a number that is none of these."""
    if not 0 <= value <= _LAST_DAY:
        return None
    seconds = round(value * _DAY_S)
    day, second = divmod(seconds, _DAY_S)
    if unit := re.search(r"\[([hms])", letters):
        hours, rest = f"{seconds // 3600}:{seconds // 60 % 60:02d}", f":{seconds % 60:02d}" if "s" in letters else ""
        return Shown({"h": hours + rest, "m": f"{seconds // 60}{rest}", "s": str(seconds)}[unit[1]], is_date=True)
    has_time = "h" in letters or "s" in letters
    clock = f"{second // 3600:02d}:{second // 60 % 60:02d}" + (f":{second % 60:02d}" if "s" in letters else "")
    if has_time and "y" not in letters and "d" not in letters:
        return Shown(clock, hides=day > 0, is_date=True)
    if not from_1904 and day in (0, _LEAP_DAY_THAT_NEVER_WAS):
        return None
    first = MAC_EPOCH if from_1904 else WINDOWS_EPOCH + timedelta(days=day < _LEAP_DAY_THAT_NEVER_WAS)
    if day > (datetime.max - first).days:
        return None
    date = f"{first + timedelta(days=day):%Y-%m-%d}"
    return Shown(f"{date} {clock}" if has_time else date, hides=second > 0 and not has_time, is_date=True)
