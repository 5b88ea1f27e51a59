"""Passes if the answer is the row's label.

Case, blanks, character width, quotes and a full stop around it don't count: `“Refund.”` is `refund`. With `label_only`
off, it is enough that the label stands somewhere in the answer as whole words; then an answer that lists all labels
passes, too.
"""

from templates.compared_texts import contains, plain
from templates.spec import Params, setting
from templates.verifier import Verifier


class OnlyTheLabel(Params):
    """For the check `label`."""

    label_only: bool = setting(True, "The label alone", shown=True)
    """Off: the label may stand in a sentence."""


def _passes(answer: str, reference: str, settings: OnlyTheLabel) -> bool:
    return plain(answer) == plain(reference) if settings.label_only else contains(answer, reference)


SPEC = Verifier(
    "The row’s label", _passes, OnlyTheLabel, needs_reference=True, can_pass=lambda reference: bool(plain(reference))
)
