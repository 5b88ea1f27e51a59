"""A spreadsheet's numbers as the text that its cells show, by their number formats (ECMA-376, part 1, 18.8.30).

Dates and times are written as year-month-day and hours:minutes, in whatever order the sheet shows them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cached_property, lru_cache

GENERAL = "General"
BUILT_IN = {
    0: GENERAL,
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    **dict.fromkeys((14, 15, 16, 17, *range(27, 32), 36, *range(50, 55), 57, 58), "yyyy-mm-dd"),
    **dict.fromkeys((18, 20, 32, 34, 55), "h:mm"),
    **dict.fromkeys((19, 21, 33, 35, 45, 47, 56), "h:mm:ss"),
    22: "yyyy-mm-dd h:mm",
    **dict.fromkeys((37, 38), "#,##0;(#,##0)"),
    **dict.fromkeys((39, 40), "#,##0.00;(#,##0.00)"),
    **dict.fromkeys((41, 42), "#,##0"),
    **dict.fromkeys((43, 44), "#,##0.00"),
    46: "[h]:mm:ss",
    48: "##0.0E+0",
    49: "@",
}
"""Codes of the formats that a file names by number only."""
EXACT_DIGITS = 15
"""So many digits of a number does a spreadsheet keep."""
MOST, LEAST = 1e15, 1e-9
"""Between them a number without a format is written without an exponent."""
MAX_CODE_CHARS = 255
"""Of a format's code, as in Excel."""
_WIDE = Context(prec=1000, rounding=ROUND_HALF_UP)
"""Holds the largest number with as many per cent signs and decimals as a code has room for."""
_DAY_S = 86_400
_LAST_DAY = 2_958_465
_LEAP_DAY_THAT_NEVER_WAS = 60
"""Spreadsheets count 29 February 1900, so days before it are one off."""
_FIRST_1900, _FIRST_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|(?P<pad>_.)|(?P<fill>\*.)|\[(?P<bracket>[^\]]*)\]'
    r"|(?P<general>general|@)|(?P<digit>[0#?])|(?P<exponent>E[+-])|(?P<half>AM/PM|A/P)|(?P<sign>.)",
    re.DOTALL | re.IGNORECASE,
)
_CLOCK = frozenset("ymdhs")
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d+)?)")
_TESTS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
    "=": lambda value, bound: value == bound,
    "<>": lambda value, bound: value != bound,
}
Token = tuple[str, str]
"""Kind and text: `literal`, `digit`, `elapsed`, `general`, `exponent`, `half` of the day, or `sign` for the rest."""


@dataclass(frozen=True)
class Shown:
    """A number as text; `hides`: the cell shows less than the number holds."""

    text: str
    hides: bool = False
    is_date: bool = False


@dataclass(frozen=True)
class _Section:
    """The part of a format for some of the numbers."""

    tokens: tuple[Token, ...]
    condition: tuple[str, Decimal] | None

    @cached_property
    def kinds(self) -> frozenset[str]:
        return frozenset(kind for kind, _ in self.tokens)

    @cached_property
    def parted(self) -> tuple[list[Token], list[Token]]:
        """The tokens before and after the decimal point."""
        tokens = list(self.tokens)
        point = tokens.index(("sign", ".")) if ("sign", ".") in tokens else len(tokens)
        return tokens[:point], tokens[point + 1 :]

    @cached_property
    def power(self) -> int:
        """Of ten, by which a number is multiplied first: per cent, or thousands and millions."""
        power = 2 * sum(token == ("sign", "%") for token in self.tokens)
        for part in self.parted:
            last_digit = max((i for i, (kind, _) in enumerate(part) if kind == "digit"), default=len(part))
            power -= 3 * sum(token == ("sign", ",") for token in part[last_digit:])
        return power

    @cached_property
    def step(self) -> Decimal:
        """The smallest difference that is shown."""
        return Decimal(1).scaleb(-sum(kind == "digit" for kind, _ in self.parted[1]))

    @cached_property
    def clock(self) -> str:
        """The letters of date and time, lower-cased; empty for a section whose digits come first."""
        letters = ""
        for kind, text in self.tokens:
            if kind == "digit" and not letters:
                return ""
            if kind == "elapsed" or (kind == "sign" and text.lower() in _CLOCK):
                letters += text.lower()
        return letters


@lru_cache(maxsize=100_000)
def shown(value: float, code: str, *, from_1904: bool = False) -> Shown:
    """`value`, which must be finite, as a cell with this format code shows it."""
    if code == GENERAL:
        return Shown(_general(value, None))
    exact = Decimal(f"{value:.{EXACT_DIGITS}g}")
    section, has_own_sign = _chosen(_sections(code), exact)
    if section is None or not section.tokens or "general" in section.kinds:
        return Shown(_general(value, section))
    if section.clock:
        return _moment(value, section, from_1904) or Shown(_general(value, None))
    written = _exponent(exact, section) if "exponent" in section.kinds else _fixed(exact, section)
    if written is None:
        return Shown(_general(value, None))
    text, rounded = written
    if not text.strip():
        return Shown(_general(value, None))  # a number that the sheet hides is there all the same
    minus = "-" if value < 0 and not has_own_sign and rounded else ""
    return Shown(f"{minus}{text.strip()}", hides=rounded != _WIDE.scaleb(abs(exact), section.power))


@lru_cache(maxsize=1024)
def _sections(code: str) -> tuple[_Section, ...]:
    """The format's parts for numbers; the one for texts comes fourth and is left out."""
    parts: list[list[Token]] = [[]]
    conditions: list[tuple[str, Decimal] | None] = [None]
    for match in _TOKEN.finditer(code):
        kind, text = str(match.lastgroup), str(match.group(match.lastgroup or 0))
        if (kind, text) == ("sign", ";"):
            parts.append([])
            conditions.append(None)
        elif kind == "bracket":
            condition = _CONDITION.fullmatch(text)
            if condition:
                conditions[-1] = (condition.group(1), Decimal(condition.group(2)))
            elif text.lower().strip("hms") == "" and text:
                parts[-1].append(("elapsed", text[0]))
            elif text.startswith("$"):
                parts[-1].append(("literal", text[1:].partition("-")[0]))
        elif kind in ("quoted", "escaped"):
            parts[-1].append(("literal", text))
        elif kind == "pad":
            parts[-1].append(("literal", " "))
        elif kind != "fill":
            parts[-1].append((kind, text))
    made = [_Section(tuple(tokens), condition) for tokens, condition in zip(parts, conditions, strict=True)]
    return tuple(made[:3])


def _chosen(sections: tuple[_Section, ...], value: Decimal) -> tuple[_Section | None, bool]:
    """The section for `value`, and whether it says itself that the number is negative."""
    if any(section.condition for section in sections):
        for section in sections:
            if section.condition is None or _TESTS[section.condition[0]](value, section.condition[1]):
                return section, False
        return None, False
    if value < 0 and len(sections) > 1:
        return sections[1], True
    return (sections[2] if value == 0 and len(sections) > 2 else sections[0]), False


def _general(value: float, section: _Section | None) -> str:
    """A number without a format, with what stands around it in the section."""
    plain = value == 0 or LEAST <= abs(value) < MOST
    exact = f"{value:.{EXACT_DIGITS}g}"
    text = f"{Decimal(exact):f}" if plain else exact.upper()
    around = section.tokens if section else ()
    if not any(kind == "general" for kind, _ in around):
        return text
    return "".join(
        text if kind == "general" else part for kind, part in around if kind in ("general", "literal")
    ).strip()


def _fixed(value: Decimal, section: _Section) -> tuple[str, Decimal] | None:
    """Text and rounded number; None for a fraction."""
    before, after = section.parted
    wanted = _WIDE.scaleb(abs(value), section.power)
    if "digit" not in section.kinds:
        return "".join(text for _, text in section.tokens), wanted  # words in place of the number
    if ("sign", "/") in section.tokens:
        return None
    rounded = wanted.quantize(section.step, context=_WIDE)
    whole, _, decimals = f"{rounded:f}".partition(".")
    return _whole(whole.lstrip("0"), before) + _decimals(decimals, after), rounded


def _whole(digits: str, tokens: list[Token]) -> str:
    """The digits before the point set into their places, from the right."""
    places = [i for i, (kind, _) in enumerate(tokens) if kind == "digit"]
    if not places:
        return "".join(text for _, text in tokens) + digits
    grouped = any(token == ("sign", ",") for token in tokens[places[0] : places[-1]])
    made: list[str] = []
    n_set = 0
    for i in range(len(tokens) - 1, -1, -1):
        kind, text = tokens[i]
        if kind != "digit":
            made.append("" if text == "," else text)
            continue
        rest = digits if i == places[0] else digits[-1:]
        digits = digits[: len(digits) - len(rest)]
        for digit in reversed(rest or {"0": "0", "?": " "}.get(text, "")):
            made.append(f"{digit}," if grouped and n_set and n_set % 3 == 0 and digit != " " else digit)
            n_set += 1
    return "".join(reversed(made))


def _decimals(digits: str, tokens: list[Token]) -> str:
    """The point and what follows it; zeros that the format does not ask for are left out."""
    places = [text for kind, text in tokens if kind == "digit"]
    n_shown = max((i + 1 for i, place in enumerate(places) if place != "#" or digits[i] != "0"), default=0)
    left = iter(digits[:n_shown])
    written = "".join(next(left, "") if kind == "digit" else text for kind, text in tokens if text != ",")
    return f".{written}" if n_shown else written


def _exponent(value: Decimal, section: _Section) -> tuple[str, Decimal] | None:
    """Text and rounded number; None for exponents that go in steps."""
    at = next(i for i, (kind, _) in enumerate(section.tokens) if kind == "exponent")
    before, after = _Section(section.tokens[:at], None).parted
    if sum(kind == "digit" for kind, _ in before) != 1:
        return None
    n_decimals = sum(kind == "digit" for kind, _ in after)
    text = f"{abs(value):.{n_decimals}E}"
    mantissa, _, power = text.partition("E")
    n_digits = sum(kind == "digit" for kind, _ in section.tokens[at:])
    sign = "-" if int(power) < 0 else section.tokens[at][1][1:].replace("-", "")
    return f"{mantissa}E{sign}{abs(int(power)):0{n_digits}d}", Decimal(text)


def _moment(value: float, section: _Section, from_1904: bool) -> Shown | None:
    """Date, time or duration; None for a number that is none."""
    if not 0 <= value <= _LAST_DAY:
        return None
    letters = section.clock
    seconds = round(value * _DAY_S)
    unit = next((text.lower() for kind, text in section.tokens if kind == "elapsed"), "")
    if unit:
        return Shown(_duration(seconds, unit, "s" in letters), is_date=True)
    has_time = "h" in letters or "s" in letters
    has_date = "y" in letters or "d" in letters or not has_time
    day, second = divmod(seconds, _DAY_S)
    clock = f"{second // 3600:02d}:{second // 60 % 60:02d}" + (f":{second % 60:02d}" if "s" in letters else "")
    if not has_date:
        return Shown(clock, hides=day > 0, is_date=True)
    if not from_1904 and day in (0, _LEAP_DAY_THAT_NEVER_WAS):
        return None
    first = _FIRST_1904 if from_1904 else _FIRST_1900 + timedelta(days=day < _LEAP_DAY_THAT_NEVER_WAS)
    if day > (datetime.max - first).days:
        return None
    date = f"{first + timedelta(days=day):%Y-%m-%d}"
    return Shown(f"{date} {clock}" if has_time else date, hides=second > 0 and not has_time, is_date=True)


def _duration(seconds: int, unit: str, with_seconds: bool) -> str:
    if unit == "s":
        return str(seconds)
    if unit == "m":
        return f"{seconds // 60}" + (f":{seconds % 60:02d}" if with_seconds else "")
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}" + (f":{seconds % 60:02d}" if with_seconds else "")
