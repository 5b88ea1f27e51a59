"""Numbers read as Excel shows them; the expected texts are what Excel displays, dates aside."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.data.intake.office.number_formats import BUILT_IN, Shown, shown


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (7.0, "General", "7"),
        (0.1 + 0.2, "General", "0.3"),
        (-0.00001, "General", "-0.00001"),
        (1e20, "General", "1E+20"),
        (7.0, "@", "7"),
        (7.0, 'General" kg"', "7 kg"),
        (1234.0, "00000", "01234"),
        (1234.5, "#,##0.00", "1,234.50"),
        (1234567.0, "#,##0", "1,234,567"),
        (3.0, "0.##", "3"),
        (3.1, "0.##", "3.1"),
        (0.5, ".00", ".50"),
        (1.005, "0.00", "1.01"),
        (0.125, "0%", "13%"),
        (0.125, "0.0%", "12.5%"),
        (12.5, '0.0"%"', "12.5%"),
        (12.5, "0.0\\%", "12.5%"),
        (-0.2, '0 "m2"', "0 m2"),
        (-5.0, '_ * 0 "€"', "-5 €"),
        (-12.5, "+0;-0;0", "-13"),
        (-12.5, "General;[Red]-General", "-12.5"),
        (5.0, "0.00 CHF", "5.00 CHF"),
        (12345.0, "0.00E+00", "1.23E+04"),
        (0.00012, "0.0E+00", "1.2E-04"),
        (2_000_000.0, '0.0,,"M"', "2.0M"),
        (-5.0, "0.00;(0.00)", "(5.00)"),
        (-5.0, "0.00", "-5.00"),
        (-0.004, "0.00", "0.00"),
        (0.0, '0;-0;"none"', "none"),
        (123456789.0, "000-00-0000", "123-45-6789"),
        (1234567.0, "000-00-0000", "001-23-4567"),
        (1_500_000.0, '#,##0,"k"', "1,500k"),
        (-1234.5, '"€" #,##0.00;[Red]-"€" #,##0.00', "-€ 1,234.50"),
        (1234.5, "[$€-407] #,##0.00", "€ 1,234.50"),
        (1234.567, '_(* #,##0.00_);_(* (#,##0.00);_(* "-"??_);_(@_)', "1,234.57"),
        (5.0, ";;;", "5"),
        (5.0, '"h"0', "h5"),
    ],
)
def test_numbers(value: float, code: str, text: str) -> None:
    assert shown(value, code).text == text


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (5551234.0, "[<=9999999]###-####;(###) ###-####", "5551234"),
        (1_500_000.0, '[>=1000000]0.0,,"M";0', "1500000"),
        (12345.0, "##0.0E+0", "12345"),
        (0.5, "# ?/?", "0.5"),
        (7.0, "0 0", "7"),
        (7.0, '0"', "7"),
    ],
)
def test_a_format_that_is_not_followed_shows_the_plain_number(value: float, code: str, text: str) -> None:
    assert shown(value, code) == Shown(text)


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (45000.0, "dd.mm.yyyy", "2023-03-15"),
        (45000.0, "[$-F800]dddd, mmmm dd, yyyy", "2023-03-15"),
        (45000.0, 'yyyy"年"m"月"d"日"', "2023-03-15"),
        (45000.75, "m/d/yy h:mm AM/PM", "2023-03-15 18:00"),
        (0.75, "h:mm", "18:00"),
        (45000.5, "hh:mm:ss.000", "12:00:00"),
        (1.5, "[h]:mm", "36:00"),
        (0.05, "[mm]:ss", "72:00"),
        (1.0, "d", "1900-01-01"),
        (59.0, "d", "1900-02-28"),
        (61.0, "d", "1900-03-01"),
        (2_958_465.0, "yyyy-mm-dd", "9999-12-31"),
        (0.0, "yyyy-mm-dd", "0"),
        (60.0, "yyyy-mm-dd", "60"),
        (-1.0, "yyyy-mm-dd", "-1"),
    ],
)
def test_dates_are_written_with_the_year_first(value: float, code: str, text: str) -> None:
    assert shown(value, code).text == text


def test_the_other_calendar_begins_four_years_later() -> None:
    assert shown(1.0, "yyyy-mm-dd", from_1904=True).text == "1904-01-02"
    assert shown(2_958_465.0, "yyyy-mm-dd", from_1904=True).text == "2958465"


@pytest.mark.parametrize(
    ("value", "code", "hides"),
    [(3.14159, "0.00", True), (3.14, "0.00", False), (0.125, "0.0%", False), (45000.5, "d/m/y", True)],
)
def test_says_when_less_is_shown_than_is_there(value: float, code: str, hides: bool) -> None:
    assert shown(value, code).hides is hides


def test_every_built_in_format_shows_something() -> None:
    assert {key: shown(45000.25, code).text for key, code in BUILT_IN.items() if not shown(45000.25, code).text} == {}


@settings(max_examples=400, deadline=None)
@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(alphabet='0#?.,%;E+-/"\\_*[]$€@Generalymdhs AP<>=1 9', max_size=14)
    | st.lists(st.sampled_from(["0", "#", "?", ".", ",", "%", "0.", "E+0"]), max_size=8).map(lambda code: "".join(code))
    | st.builds(
        lambda sign, n, code: (code + sign * n)[:255],
        st.sampled_from("0%,#?."),
        st.integers(1, 255),
        st.sampled_from(["0", "0.", "0.0E+0", "#,"]),
    ),
    st.booleans(),
)
def test_any_number_in_any_format_is_some_text(value: float, code: str, from_1904: bool) -> None:
    assert shown(value, code, from_1904=from_1904).text.strip()
