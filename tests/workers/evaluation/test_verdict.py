"""Which verdict follows from which scores, and what it says."""

import json
from pathlib import Path

import numpy as np
import pytest

from workers.evaluation import compared, verdict
from workers.evaluation.bootstrap import Interval, Pair
from workers.evaluation.scoring import Answer, Scores
from workers.evaluation.sentences import percent, rows_needed


def scores(
    right: int, n: int = 100, *, loss: float = 1.0, tokens: int = 4, wrong: str = "dunno", seed: int = 0, **fields: int
) -> Scores:
    """A model that answers the first `right` of `n` rows right; its rows' losses scatter around `loss`."""
    noise = np.random.default_rng(seed).normal(0, 0.2, n)
    answers = tuple(
        Answer(i, f"prompt {i}", f"label{i % 5}", f"label{i % 5}" if i < right else wrong, ended=True) for i in range(n)
    )
    numbers = tuple(range(1, n + 1))
    return Scores(numbers, (loss + noise) * tokens, np.full(n, tokens), answers=answers, **fields)


def test_better() -> None:
    judged = verdict.judge(scores(0, loss=9.0), scores(93, loss=0.3), "classification")
    assert judged.verdict == "better"
    assert judged.headline == "label_accuracy"
    assert (
        judged.sentence == "Better. Label accuracy 93 % [86, 97] against 0 % [0, 4] for the base, on 100 held-out rows."
    )
    assert judged.what_would_help is None
    assert judged.changes == {"better": 93, "worse": 0, "same": 7, "changed": 0}
    assert judged.unknown_labels == verdict.UnknownLabels(base=1.0, adapted=0.07)
    assert judged.majority == verdict.Majority(label="label4", share=0.2, beaten=True)
    assert judged.metrics["loss"].difference.high < 0
    assert judged.metrics["perplexity"].base.value == pytest.approx(np.exp(judged.metrics["loss"].base.value))


def test_worse_names_a_cause() -> None:
    judged = verdict.judge(scores(80, loss=0.5), scores(20, loss=3.0), "classification")
    assert judged.verdict == "worse"
    assert judged.sentence.startswith("Worse. Label accuracy 20 %")
    assert judged.what_would_help is not None
    assert "lower learning rate" in judged.what_would_help


def test_the_same_on_many_rows_is_not_better() -> None:
    judged = verdict.judge(scores(800, 1000), scores(800, 1000), "classification")
    assert judged.verdict == "not_better"
    assert judged.sentence.startswith("Not better. Label accuracy 80 %")
    learning = verdict.judge(scores(800, 1000, loss=2.0), scores(800, 1000, loss=1.0), "classification")
    assert learning.what_would_help is not None
    assert "more passes" in learning.what_would_help


def test_a_small_difference_on_few_rows_cannot_be_told() -> None:
    judged = verdict.judge(scores(20, 40), scores(24, 40), "classification")
    assert judged.verdict == "cant_tell"
    assert judged.sentence.startswith("Can't tell with 40 rows. Label accuracy 60 %")
    assert judged.what_would_help is not None
    assert "held-out rows: about 56 would settle a difference like this one" in judged.what_would_help
    equal = verdict.judge(scores(20, 40), scores(20, 40, wrong="else"), "classification")
    assert equal.what_would_help is not None
    assert "a difference of more than 5 points (there are 40)" in equal.what_would_help


def test_a_handful_of_rows_cannot_be_told_however_clear() -> None:
    judged = verdict.judge(scores(0, 9, loss=9.0), scores(9, 9, loss=0.1), "classification")
    assert judged.verdict == "cant_tell"
    assert judged.sentence.startswith("Can't tell with 9 rows.")
    losses_only = verdict.judge(scores(0, 3, loss=9.0), scores(0, 3, loss=0.1), "text")
    assert losses_only.verdict == "cant_tell"


def test_always_the_same_label_is_no_achievement() -> None:
    judged = verdict.judge(scores(0, 100), scores(18, 100), "classification")
    assert judged.verdict == "better"
    assert judged.majority is not None
    assert not judged.majority.beaten
    assert judged.sentence.endswith("That is not surely above always answering “label4”, which is right in 20 %.")


def test_long_answers_are_judged_by_their_loss() -> None:
    judged = verdict.judge(scores(0, loss=2.31), scores(1, loss=0.74, seed=3), "prompt_completion")
    assert judged.headline == "loss"
    assert judged.sentence.startswith("Better. Held-out loss 0.7")
    assert "against 2.3" in judged.sentence
    assert judged.majority is None
    assert judged.unknown_labels is None
    assert "label_accuracy" not in judged.metrics


def test_short_answers_are_judged_by_exact_match() -> None:
    assert verdict.judge(scores(0), scores(40), "prompt_completion").headline == "exact_match"


def test_plain_text_has_only_losses() -> None:
    base, adapted = scores(0, loss=6.0), scores(0, loss=5.0, seed=1)
    without = [Scores(s.source_rows, s.nll, s.n_tokens) for s in (base, adapted)]
    judged = verdict.judge(*without, "text")
    assert set(judged.metrics) == {"loss", "perplexity"}
    assert (judged.verdict, judged.n_answered) == ("better", 0)
    assert judged.changes == {"better": 0, "worse": 0, "same": 0, "changed": 0}


def test_nothing_to_score_is_said() -> None:
    empty = Scores((), np.zeros(0), np.zeros(0, dtype=np.int64))
    judged = verdict.judge(empty, empty, "classification")
    assert judged.sentence == "Can't tell: no held-out row could be scored."
    assert judged.what_would_help is not None
    assert "held-out share" in judged.what_would_help
    unscored = Scores((1, 2), np.zeros(2), np.zeros(2, dtype=np.int64), n_cut=2)
    judged = verdict.judge(unscored, unscored, "text")
    assert judged.verdict == "cant_tell"
    assert judged.what_would_help is not None
    assert "Maximum row length" in judged.what_would_help
    assert judged.remarks[0].startswith("2 rows of 2 had no token left")


def test_what_was_not_measured_is_counted() -> None:
    base = scores(10, 50)
    adapted = scores(20, 50, n_cut=3, n_too_long=2, n_not_asked=1)
    judged = verdict.judge(base, adapted, "classification")
    assert len(judged.remarks) == 3
    assert judged.remarks[0].startswith("3 rows longer")
    assert "2 rows not answered" in judged.remarks[1]
    assert "1 row not answered" in judged.remarks[2]


def test_losses_of_different_tokenizers_are_not_compared() -> None:
    judged = verdict.judge(scores(10, tokens=4), scores(60, tokens=5), "classification", against="nano")
    assert "loss" not in judged.metrics
    assert judged.verdict == "better"
    assert "for nano," in judged.sentence
    assert any("different tokens" in remark for remark in judged.remarks)


def test_a_perplexity_never_overflows() -> None:
    judged = verdict.judge(scores(0, loss=5000.0), scores(0, loss=1.0), "text")
    assert np.isfinite(judged.metrics["perplexity"].base.high)
    assert "Infinity" not in judged.model_dump_json()


def test_a_model_alone() -> None:
    alone = verdict.alone(scores(93), "classification")
    assert set(alone) == {"loss", "perplexity", "exact_match", "label_accuracy"}
    assert (alone["label_accuracy"].value, round(alone["label_accuracy"].low, 2)) == (0.93, 0.86)


def test_compared_answers_are_ordered_best_first(tmp_path: Path) -> None:
    base, adapted = scores(2, 6, loss=3.0), scores(5, 6, loss=1.0, wrong="else", seed=1)
    found = compared.compare(base, adapted)
    assert [answer.change for answer in found[:3]] == ["better"] * 3
    assert sorted(answer.change for answer in found[3:]) == ["changed", "same", "same"]
    gains = [(answer.loss_base or 0) - (answer.loss_adapted or 0) for answer in found[:3]]
    assert gains == sorted(gains, reverse=True)
    assert [answer.change for answer in compared.compare(adapted, base)[-3:]] == ["worse"] * 3
    compared.write(found, tmp_path / "evaluation" / "answers.jsonl")
    lines = (tmp_path / "evaluation" / "answers.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [answer.model_dump() for answer in found]


def test_a_row_that_could_not_be_scored_has_no_loss() -> None:
    base = scores(2, 6)
    base.n_tokens[0] = 0
    assert [answer.loss_base for answer in compared.compare(base, base) if answer.row == 1] == [None]


@pytest.mark.parametrize(
    ("share", "shown"), [(0.0, "0"), (1.0, "100"), (0.999, "99"), (0.001, "<1"), (0.934, "93"), (0.005, "<1")]
)
def test_only_all_is_a_hundred_per_cent(share: float, shown: str) -> None:
    assert percent(share) == shown


def test_rows_needed_grows_with_doubt() -> None:
    def pair(value: float) -> Pair:
        unsure = Interval(value=0.5, low=0.35, high=0.65)
        return Pair(base=unsure, adapted=unsure, difference=Interval(value=value, low=value - 0.2, high=value + 0.2))

    # the half-width of 0.2 must shrink to the difference: 40 × (0.2 / 0.1)² × 1.2 = 192
    assert rows_needed("label_accuracy", pair(0.1), 40) == 200
    assert rows_needed("label_accuracy", pair(0.0), 40) == 770
    assert rows_needed("label_accuracy", pair(0.19), 40) > 40
