"""How much of what a base says by itself is left after a training."""

from __future__ import annotations

import pytest

from workers.evaluation import own_words
from workers.evaluation.following import Asked, Followed
from workers.evaluation.own_prompts import OwnPrompts
from workers.evaluation.own_words import FIRST_TOKENS, OwnWords

N, LENGTH = 100, 12


def followed(n_same: int, nll: float, rest: int = 3) -> Followed:
    """So many answers whose first tokens are the same, and the loss of each."""
    return Followed(
        n_same=(FIRST_TOKENS,) * n_same + (rest,) * (N - n_same), nll=tuple(nll + 0.1 * (i % 5) for i in range(N))
    )


def prompts(n_rounded: int = 82, n: int = N) -> OwnPrompts:
    """What a base wrote, of which rounding changes some."""
    asked = tuple(Asked(prompt_ids=(1, 2), answer_ids=tuple(range(LENGTH))) for _ in range(n))
    return OwnPrompts(
        of_user=True, asked=asked, untouched=followed(N, 6.0), rounded=followed(n_rounded, 6.1),
        rounding="16 instead of 32 bits", n_drawn=130, dropped={"too short": 30},
    )  # fmt: skip


def test_a_change_is_more_than_rounding() -> None:
    found = own_words.judge(prompts(), followed(62, 9.0))
    assert found
    assert found.same.adapted.value == 0.62
    assert found.same.difference.high < 0
    assert found.loss.difference.value == pytest.approx(3.0 / LENGTH)
    assert found.loss_by_rounding == pytest.approx(0.1 / LENGTH)
    assert found.sentence == (
        "Answers 62 % [52, 71] of its own prompts as before; rounding alone changes 18 %. "
        "The loss of its own answers rose by 0.25 [0.25, 0.25]."
    )
    assert OwnWords.model_validate_json(found.model_dump_json()) == found


def test_no_more_than_rounding_is_said() -> None:
    found = own_words.judge(prompts(), followed(80, 6.0))
    assert found
    assert found.sentence.endswith(
        "rounding alone changes 18 %. Training changed no more than that, as far as these prompts can show."
    )


def test_a_short_answer_must_be_the_same_as_a_whole() -> None:
    short = prompts().model_copy(update={"asked": (Asked(prompt_ids=(1,), answer_ids=(5, 2)),) * N})
    found = own_words.judge(short, Followed(n_same=(2,) * 40 + (1,) * 60, nll=(1.0,) * N))
    assert found
    assert found.same.adapted.value == 0.4


def test_too_few_prompts_say_nothing() -> None:
    few = prompts(n=7)
    assert own_words.judge(few, followed(62, 9.0)) is None
    assert own_words.too_few(few) == (
        "The base wrote only 7 usable prompts in 130 tries (30 too short), so its own words say nothing about what it "
        "forgot."
    )
