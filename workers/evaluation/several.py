"""One document for the verdicts on several datasets that were learned together; none hides behind another."""

from __future__ import annotations

from collections.abc import Sequence

from workers.evaluation.sentences import Outcome
from workers.evaluation.verdict_document import OnDataset, Verdict

WORDS: dict[Outcome, str] = {
    "worse": "worse",
    "not_better": "not better",
    "cant_tell": "can't tell",
    "lower_loss": "lower loss, answers not usable yet",
    "better": "better",
}
"""The outcomes in words, the least favourable first."""


def joined(found: Sequence[OnDataset]) -> Verdict:
    """The first one's verdict with the claims of all, under the least favourable outcome."""
    order = list(WORDS)
    outcomes: list[Outcome] = sorted((one.verdict.verdict for one in found), key=order.index)
    claim = _claim(found)
    sentences = [f"On “{one.name}”: {one.verdict.sentence}" for one in found]
    return found[0].verdict.model_copy(
        update={
            "verdict": outcomes[0],
            "claim": claim,
            "sentence": " ".join([f"{claim}.", *sentences]),
            "remarks": (),
            "by_dataset": tuple(found),
        }
    )


def _claim(found: Sequence[OnDataset]) -> str:
    """`Better on “a” and “b”`, or `Better on “a”, worse on “b”`."""
    names: dict[Outcome, list[str]] = {}
    for one in found:
        names.setdefault(one.verdict.verdict, []).append(f"“{one.name}”")
    said = ", ".join(f"{WORDS[outcome]} on {' and '.join(those)}" for outcome, those in names.items())
    return f"{said[0].upper()}{said[1:]}"
