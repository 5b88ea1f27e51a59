"""Personal data in a text: e-mail, card, IBAN, Chinese identity number, mobile and other telephone numbers.

Numbers with a checksum count only if it is correct. Masking hides more than the search finds: anything that
looks like an address or a long number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MASK = "▮▮▮"
IBAN = "IBAN"
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS = "10X98765432"
_MIN_PHONE, _MAX_PHONE = 8, 15
_MOST_BEFORE, _MOST_BEHIND = 64, 255
"""Characters of an e-mail address before and after its “@”."""


@dataclass(frozen=True)
class Datum:
    """One personal datum: its kind and its place in the text."""

    kind: str
    start: int
    end: int


def _digits(text: str) -> list[int]:
    return [int(c) for c in text if c.isdecimal()]


def _is_card(text: str) -> bool:
    """Luhn's checksum over 13–19 digits that are not all the same."""
    digits = _digits(text)
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    doubled = (2 * d - 9 * (d > 4) for d in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_iban(text: str) -> bool:
    """ISO 13616: 15–34 characters; with the first four moved behind and letters as numbers, modulo 97 gives 1."""
    plain = text.replace(" ", "")
    if not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def _without_last_group(text: str) -> str:
    return text.rpartition(" ")[0]


def _is_chinese_id(text: str) -> bool:
    """GB 11643: the last of 18 characters is a checksum of the others."""
    total = sum(weight * int(c) for weight, c in zip(_ID_WEIGHTS, text, strict=False))
    return _ID_CHECKS[total % 11] == text[-1].upper()


def _is_phone(text: str) -> bool:
    return _MIN_PHONE <= len(_digits(text)) <= _MAX_PHONE


_KINDS: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    (
        "e-mail",
        re.compile(
            r"(?<![A-Za-z0-9_.+-])[A-Za-z0-9_.+-]{1,64}@[A-Za-z0-9][A-Za-z0-9-]{0,62}(?:\.[A-Za-z0-9][A-Za-z0-9-]{0,62}){1,8}"
        ),
        lambda _: True,
    ),
    (
        IBAN,
        re.compile(
            r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?:[A-Za-z0-9]{11,30}|(?: [A-Za-z0-9]{1,4}){3,8})(?![A-Za-z0-9])"
        ),
        _is_iban,
    ),
    ("Chinese ID", re.compile(r"(?<!\d)[1-9]\d{5}(?:18|19|20)\d{9}[\dXx](?![\dA-Za-z])"), _is_chinese_id),
    (
        "card number",
        re.compile(
            r"(?<![\d.])(?=4|5[1-5]|2[2-7]|3[4-8]|6)"
            r"(?:\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|\d{4}([ -])\d{6}\2\d{5})(?!\d)"
        ),
        _is_card,
    ),
    ("mobile number", re.compile(r"(?<!\d)(?:\+?86[ -]?)?1[3-9]\d(?:[ -]?\d{4}){2}(?!\d)"), lambda _: True),
    (
        "telephone number",
        re.compile(
            r"(?<![A-Za-z0-9+])(?<!\d[ -])(?:\+\d(?:[ ()./-]{0,2}\d){7,14}"
            r"|\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}[.-]\d{3}[.-]\d{4}"
            r"|0\d{2,4}[ /-]\d{5,9}|0\d{2,4}[ /-]\d{3,4}[ -]\d{3,4})(?![ -]?\d)"
        ),
        _is_phone,
    ),
)
_LOOKS_PERSONAL = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]){11,30}"
    r"|[+(]{0,2}\d(?:[\s()./–-]{0,3}\d){5,}[Xx]?"
)
_HINT = re.compile(r"@|\d(?:\D{0,3}\d){6}")


def found(text: str) -> Iterator[Datum]:
    """Personal data in the order of their kinds; each stretch of text counts for one kind only."""
    if not _HINT.search(text):
        return
    taken: list[Datum] = []
    for kind, pattern, holds in _KINDS:
        for match in pattern.finditer(text):
            written = match.group()
            while written and not holds(written):  # the match may include a following word as a group
                written = _without_last_group(written) if kind == IBAN else ""
            start, end = match.start(), match.start() + len(written)
            if written and all(end <= other.start or start >= other.end for other in taken):
                taken.append(Datum(kind, start, end))
    yield from taken


def masked(text: str) -> str:
    """The text with every personal datum, and anything that looks like one, hidden."""
    spans = [(datum.start, datum.end) for datum in found(text)]
    spans += [match.span() for match in _LOOKS_PERSONAL.finditer(text)]
    spans += _like_addresses(text)
    pieces, at = [], 0
    for start, end in sorted(spans):
        if start >= at:
            pieces += [text[at:start], MASK]
        at = max(at, end)
    return "".join([*pieces, text[at:]])


def replaced(text: str) -> str:
    """The text with the kind of each personal datum in its place: `[e-mail]`."""
    for datum in sorted(found(text), key=lambda one: -one.start):
        text = f"{text[: datum.start]}[{datum.kind}]{text[datum.end :]}"
    return text


def _like_addresses(text: str) -> Iterator[tuple[int, int]]:
    """Each “@” with the text before and after it, up to the next space."""
    at = text.find("@")
    while at >= 0:
        before, after = text[max(0, at - _MOST_BEFORE) : at], text[at + 1 : at + 1 + _MOST_BEHIND]
        left = len(before.split()[-1]) if before and not before[-1].isspace() else 0
        right = len(after.split()[0]) if after and not after[0].isspace() else 0
        if left and right:
            yield at - left, at + 1 + right
        at = text.find("@", at + 1)
