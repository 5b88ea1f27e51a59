"""Passes if the last number in the answer is the last number in the row's own answer.

What counts as a number: digits, with commas between groups of three as thousands separators, a point before decimals,
and a minus sign directly in front. So `1,000` is `1000`, `12.50` is `12.5`, and of `3 + 4 = 7` the number is 7. A comma
is never a decimal point: the last number of `1,5` is 5. Units, currency signs and words around it don't count, nor does
text after the last number. With a tolerance, the two may differ by that much.

Rows whose own answer has no number can't be passed and are left out.
"""

from decimal import Decimal

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
    return abs(Decimal(found) - Decimal(wanted)) <= Decimal(str(settings.number_tolerance))


SPEC = Verifier(
    "The row’s number",
    _passes,
    Tolerance,
    needs_reference=True,
    can_pass=lambda reference: bool(last_number(reference)),
)
