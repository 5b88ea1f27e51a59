"""Compares a result with the answers that its base gave to prompts of its own."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from storage.runs.bootstrap import Interval, Pair, paired_means, paired_shares
from workers.evaluation.following import Followed
from workers.evaluation.own_prompts import OwnPrompts
from workers.evaluation.sentences import percent

FIRST_TOKENS = 8
"""An answer counts as the same if it begins with the same tokens; a shorter one must be the same as a whole."""
LEAST = 20
"""With fewer prompts nothing is said."""


class OwnWords(BaseModel):
    """What a training changed in what its base says by itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n: int
    """Prompts that the base wrote itself."""
    of_user: bool
    """They are a user's texts; otherwise beginnings of any text."""
    first_tokens: int
    same: Pair
    """The share of prompts answered as before: `base` under rounding alone, `adapted` by the result."""
    loss: Pair
    """The loss of the base's own answers, in nats per token."""
    rounding: str
    """What was different when rounding alone was measured: `16 instead of 32 bits`."""
    loss_by_rounding: float
    """How much rounding alone changes the loss."""
    n_drawn: int
    dropped: dict[str, int]
    """Unusable prompts by reason."""
    sentence: str


def judge(prompts: OwnPrompts, result: Followed, root: str = "") -> OwnWords | None:
    """Compare the result with its base, or with the `root` of its chain; None if that wrote too few prompts."""
    n = len(prompts.asked)
    if n < LEAST:
        return None
    lengths = np.array([len(one.answer_ids) for one in prompts.asked])
    same = paired_shares(_same(prompts.rounded, lengths), _same(result, lengths))
    before, after = np.array(prompts.untouched.nll), np.array(result.nll)
    loss = paired_means(before, after, lengths.astype(np.float64))
    return OwnWords(
        n=n,
        of_user=prompts.of_user,
        first_tokens=FIRST_TOKENS,
        same=same,
        loss=loss,
        rounding=prompts.rounding,
        loss_by_rounding=float((np.array(prompts.rounded.nll) - before).sum() / lengths.sum()),
        n_drawn=prompts.n_drawn,
        dropped=prompts.dropped,
        sentence=_sentence(same, loss, root),
    )


def kept_by(prompts: OwnPrompts, one: Followed, other: Followed) -> Pair:
    """The share of prompts that two models answer as the base does; `difference` is the second minus the first."""
    lengths = np.array([len(asked.answer_ids) for asked in prompts.asked])
    return paired_shares(_same(one, lengths), _same(other, lengths))


def too_few(prompts: OwnPrompts) -> str:
    """The remark in place of a verdict."""
    return (
        f"The base wrote only {len(prompts.asked)} usable prompts in {prompts.n_drawn} tries"
        f"{_dropped(prompts.dropped)}, so its own words say nothing about what it forgot."
    )


def _dropped(dropped: Mapping[str, int]) -> str:
    return f" ({', '.join(f'{count} {reason}' for reason, count in dropped.items())})" if dropped else ""


def _same(followed: Followed, lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    return np.array(followed.n_same) >= np.minimum(lengths, FIRST_TOKENS)


def _sentence(same: Pair, loss: Pair, root: str) -> str:
    share, rounding = same.adapted, 1 - same.base.value
    what = f"the prompts that {root} wrote as {root} does" if root else "its own prompts as before"
    said = (
        f"Answers {percent(share.value)} % [{percent(share.low)}, {percent(share.high)}] of {what}; "
        f"rounding alone changes {percent(rounding)} %."
    )
    if same.difference.high >= 0:
        changed = "It differs" if root else "Training changed"
        return f"{said} {changed} no more than that, as far as these prompts can show."
    return f"{said} {_loss(loss.difference, 'those' if root else 'its own')}"


def _loss(change: Interval, whose: str) -> str:
    """How the loss of the base's answers changed."""
    if change.low <= 0 <= change.high:
        return f"The loss of {whose} answers did not change significantly."
    rose = "rose" if change.value > 0 else "fell"
    low, high = sorted((abs(change.low), abs(change.high)))
    return f"The loss of {whose} answers {rose} by {abs(change.value):.2f} [{low:.2f}, {high:.2f}]."
