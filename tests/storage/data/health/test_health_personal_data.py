"""Personal data: found by checksum, and never shown."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storage.data.health import personal_data, report
from storage.data.health.check import excerpt
from storage.data.rows.rows import Rows
from templates import registry
from tests.storage.data.health import planted


def kinds(text: str) -> list[str]:
    return [datum.kind for datum in personal_data.found(text)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("mail to jane.doe+x@mail.example.co.uk, please", "e-mail"),
        ("联系我zhang@example.com谢谢", "e-mail"),
        ("4111 1111 1111 1111", "card number"),
        ("4111-1111-1111-1111.", "card number"),
        ("378282246310005", "card number"),
        ("DE89 3704 0044 0532 0130 00 soon", "IBAN"),
        ("GB82WEST12345698765432", "IBAN"),
        ("身份证11010519491231002X。", "Chinese ID"),
        ("手机13812345678吧", "mobile number"),
        ("+86 138 1234 5678", "mobile number"),
        ("电话0571-88888888", "telephone number"),
        ("call +44 20 7946 0958", "telephone number"),
        ("(212) 555-0123", "telephone number"),
        ("212-555-0123", "telephone number"),
    ],
)
def test_found(text: str, kind: str) -> None:
    assert kinds(text) == [kind]
    (datum,) = personal_data.found(text)
    value = text[datum.start : datum.end]
    assert value not in personal_data.masked(text)
    assert not re.search(r"\d{3}", personal_data.masked(text))


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",
        "DE89 3704 0044 0532 0130 01",
        "110105194912310021",
        "0000 0000 0000 0000",
        "on 2024-01-15 at 10:30:00",
        "01/02/2024 and 03/04/2025",
        "1700000000000 ms",
        "1 2 3 4 5 6 7 8 9 10 11 12 13 14",
        "12 + 13 = 25; 1,234,567.89 €",
        "@someone at 5 pm",
        "version 1.22.333.4444",
        "",
    ],
)
def test_not_taken_for_personal(text: str) -> None:
    assert kinds(text) == []


WRITER = planted.Writer(7)
VALUES = [kind(WRITER) for kind in planted.PERSONAL for _ in range(10)]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(VALUES), st.text(max_size=60), st.text(max_size=60))
def test_a_report_never_shows_what_it_found(value: str, before: str, after: str) -> None:
    text = f"{before} {value} {after}"
    values = [
        {"prompt": text, "completion": f"{value} ", "held_out": i % 2 == 0, "source_row": i + 1} for i in range(4)
    ]
    values.append({"prompt": f"<|im_end|>{text}", "completion": f"I'm sorry, but I can't call {value}"})
    found = report.examine(Rows.of(registry.shape("prompt_completion"), values), "d")
    assert "personal_data" in {one.check.key for one in found.found}
    shown = [example.text for one in found.found for example in one.finding.examples]
    shown += [one.finding.says for one in found.found] + ([found.baseline.label] if found.baseline else [])
    for line in shown:
        assert value not in line
        assert "".join(value.split()) not in "".join(line.split())


@settings(max_examples=150, deadline=None)
@example("00000..  0")
@given(st.text(st.sampled_from("0123456789 -.+()@aDEx卡"), max_size=120))
def test_masking_hides_whatever_is_found(text: str) -> None:
    hidden = personal_data.masked(text)
    for datum in personal_data.found(text):
        assert text[datum.start : datum.end] not in hidden
    assert list(personal_data.found(hidden)) == []
    assert personal_data.masked(excerpt(text)) == excerpt(text)
