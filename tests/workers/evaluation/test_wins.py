"""Whose answers win: nearer to the chosen one, and no nearer to the rejected one."""

from __future__ import annotations

import numpy as np
import pytest

from workers.evaluation import held_out, sentences, verdict, wins
from workers.evaluation.scoring import Answer, Scores

N = 40
WORDS = [f"word{n} and more" for n in range(N)]


def answers(given: list[str]) -> tuple[Answer, ...]:
    return tuple(Answer(n, f"say {n}", f"Sure! {WORDS[n]}.", text, True) for n, text in enumerate(given))


def won(before: list[str], after: list[str]) -> wins.Wins:
    rejected = [f"{word}." for word in WORDS]
    found = wins.of(list(zip(answers(before), answers(after), strict=True)), rejected, np.arange(N))
    assert found is not None
    return found


PLAIN, POLITE = [f"{word}." for word in WORDS], [f"Sure! {word}." for word in WORDS]


def test_answers_like_the_chosen_ones_win() -> None:
    found = won(PLAIN, POLITE)
    assert (found.won, found.tied, found.lost) == (N, 0, 0)
    assert found.rate.low > 0.9
    assert found.at_equal_length is None, "every answer got longer"
    assert found.length.difference.value == pytest.approx(6)
    assert won(POLITE, PLAIN).rate.high < 0.1


def test_the_same_answers_tie() -> None:
    found = won(PLAIN, PLAIN)
    assert (found.won, found.tied, found.rate.value) == (0, N, 0.5)
    assert found.at_equal_length is not None


def test_repeating_what_chosen_answers_have_in_common_does_not_win() -> None:
    """A collapsed model is no nearer to any one chosen answer, though further from the rejected ones."""
    assert won(PLAIN, ["Sure! Sure! Sure!"] * N).won == 0


def test_wrong_answers_in_the_right_tone_do_not_win() -> None:
    assert won(PLAIN, ["Sure! quite another thing altogether."] * N).won == 0


def _scores(given: list[str], prefers: float) -> Scores:
    return Scores(tuple(range(N)), np.ones(N), np.full(N, 4), prefers=np.full(N, prefers), answers=answers(given))


def _side() -> held_out.HeldOutSide:
    rows = [
        {
            "prompt": [{"role": "user", "content": f"say {n}"}],
            "chosen": f"Sure! {WORDS[n]}.",
            "rejected": f"{WORDS[n]}.",
        }
        for n in range(N)
    ]
    return held_out.of("preference", rows, rows)


def test_better_answers_are_better_than_a_rule_that_only_ranks() -> None:
    """Here length alone tells the pairs apart; it gives no answers, so it can't be why the answers got better."""
    judged = verdict.judge(
        _scores(PLAIN, -1), _scores(POLITE, 1), "preference", _side(), headline="preference_accuracy"
    )
    assert judged.trivial is not None
    assert (judged.trivial.metrics["preference_accuracy"].value, judged.trivial.beaten) == (1.0, False)
    assert judged.verdict == "better"
    assert judged.wins is not None
    assert judged.sentence.startswith("Better. Preference accuracy 100 %")
    assert "Its answers win over those of the base on 100 % [91, 100] of 40 prompts" in judged.sentence
    assert judged.what_would_help is None


def test_a_better_ranking_with_worse_answers_is_not_better() -> None:
    judged = verdict.judge(
        _scores(POLITE, -1), _scores(PLAIN, 1), "preference", _side(), headline="preference_accuracy"
    )
    assert judged.verdict == "not_better"
    assert judged.wins is not None
    assert judged.wins.rate.high < 0.5


def test_without_better_answers_the_rule_must_be_beaten() -> None:
    judged = verdict.judge(_scores(PLAIN, -1), _scores(PLAIN, 1), "preference", _side(), headline="preference_accuracy")
    assert judged.verdict == "cant_tell"
    assert "better than always preferring the longer answer" in judged.claim


def test_hardly_any_bad_answers_make_no_ranking() -> None:
    good = np.arange(N) >= 3
    rows = [
        {"prompt": [{"role": "user", "content": WORDS[n]}], "completion": "x", "label": bool(good[n])} for n in range(N)
    ]
    side = held_out.of("unpaired_preference", rows, rows)

    def scores(nll: np.ndarray) -> Scores:
        return Scores(tuple(range(N)), np.where(good, nll, 0), np.where(good, 4, 0), good=good, judged_nll=nll)

    before = np.random.default_rng(0).normal(4, 0.5, N)
    judged = verdict.judge(scores(before), scores(before - np.where(good, 1, -1)), "unpaired_preference", side)
    assert sentences.JUDGEMENT not in judged.metrics


def test_single_judgements_are_ranked_by_what_became_likelier() -> None:
    good = np.arange(N) % 2 == 0
    rows = [
        {"prompt": [{"role": "user", "content": f"say {n}"}], "completion": WORDS[n], "label": bool(good[n])}
        for n in range(N)
    ]
    side = held_out.of("unpaired_preference", rows, rows)
    noise = np.random.default_rng(0).normal(0, 0.5, N)

    def scores(nll: np.ndarray) -> Scores:
        return Scores(tuple(range(N)), np.where(good, nll, 0), np.where(good, 4, 0), good=good, judged_nll=nll)

    judged = verdict.judge(
        scores(4 + noise),
        scores(4 + noise - np.where(good, 1, -1)),
        "unpaired_preference",
        side,
        headline="preference_accuracy",
    )
    assert judged.headline == sentences.JUDGEMENT
    assert judged.metrics[sentences.JUDGEMENT].adapted.value == 1.0
    assert judged.metrics[sentences.JUDGEMENT].base.value == 0.5
    assert judged.metrics[sentences.JUDGEMENT].adapted.low < 1, "not even a perfect ranking is certain"
    assert judged.verdict == "better"
    assert judged.n_rows == N // 2, "the loss is that of good answers"
    assert not any("had no token left" in remark for remark in judged.remarks)
