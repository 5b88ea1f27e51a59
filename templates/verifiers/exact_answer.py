"""Passes if the answer is the row's own answer: the same characters, apart from blanks before and after."""

from templates.verifier import NoSettings, Verifier


def _passes(answer: str, reference: str, _settings: NoSettings) -> bool:
    return answer.strip() == reference.strip()


SPEC = Verifier("The row’s exact answer", _passes, needs_reference=True)
