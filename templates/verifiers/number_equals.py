"""Passes if the last number in the answer is the last number in the row's own answer.

What counts as a number: digits, with commas between groups of three as thousands separators, a point before decimals,
an exponent such as `e3`, and a minus sign directly in front, unless a letter or digit stands before it. So `1,000` and
`1e3` are `1000`, `12.50` is `12.5`, and of `3 + 4 = 7` the number is 7. A comma is never a decimal point: the last
number of `1,5` is 5. Units, currency signs, raised digits (`m²`) and fractions (`½`) don't count, nor does text around
the last number. Numbers are compared exactly, however long; with a tolerance, the two may differ by that much.

Rows whose own answer has no number can't be passed and are left out.
"""

from decimal import Decimal, localcontext

from templates.compared_texts import last_number
from templates.spec import Params, setting
from templates.verifier import Verifier


class Tolerance(Params):
    """For the check `number_equals`."""

    number_tolerance: float = setting(0.0, "Tolerance", shown=True, ge=0, le=1e12)
    """By how much the number may differ from the row's; 0: not at all."""


def _passes(answer: str, reference: str, settings: Tolerance) -> bool:
    found, wanted = last_number(answer), last_number(reference)
    if not (found and wanted):
        return False
    with localcontext(prec=len(found) + len(wanted)):  # as many digits as an exact difference can have
        return abs(Decimal(found) - Decimal(wanted)) <= Decimal(str(settings.number_tolerance))


SPEC = Verifier(
    "The row’s number",
    _passes,
    Tolerance,
    needs_reference=True,
    can_pass=lambda reference: bool(last_number(reference)),
)
