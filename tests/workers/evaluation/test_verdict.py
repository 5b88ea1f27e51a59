"""Which verdict follows from which scores, and what it says."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage.runs.bootstrap import Interval
from tests.workers.evaluation.sides import labels, side, texts
from workers.evaluation import compared, held_out, verdict
from workers.evaluation.held_out import HeldOutSide
from workers.evaluation.helps import rows_needed
from workers.evaluation.scoring import Answer, Scores
from workers.evaluation.sentences import Run, percent
from workers.evaluation.verdict_document import UnknownLabels, Verdict


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


def judge(base: Scores, adapted: Scores, shape: str = "classification", **changes: Any) -> Verdict:
    """The verdict on the rows of `scores`."""
    n = len(base.n_tokens)
    of = changes.pop("side", None) or (texts(n) if shape == "text" else side(labels(n), shape) if n else nothing(shape))
    return verdict.judge(base, adapted, shape, of, **changes)


def nothing(shape: str) -> HeldOutSide:
    return held_out.of(shape, [], [])


def test_better() -> None:
    judged = judge(scores(0, loss=9.0), scores(93, loss=0.3))
    assert judged.verdict == "better"
    assert judged.headline == "label_accuracy"
    assert (
        judged.sentence
        == "Better. Label accuracy 93 % [86, 97] against 0 % [0, 4] for the base and 20 % [13, 29] for always "
        "answering “label4”, on 100 held-out rows."
    )
    assert judged.what_would_help is None
    assert judged.changes == {"better": 93, "worse": 0, "same": 7, "changed": 0}
    assert judged.unknown_labels == UnknownLabels(base=1.0, adapted=0.07)
    assert judged.trivial is not None
    assert judged.trivial.metrics["label_accuracy"].value == 0.2
    assert (judged.trivial.answer, judged.trivial.beaten) == ("label4", True)
    assert judged.metrics["loss"].difference.high < 0
    assert judged.metrics["perplexity"].base.value == pytest.approx(np.exp(judged.metrics["loss"].base.value))


def test_worse_names_a_cause() -> None:
    judged = judge(scores(80, loss=0.5), scores(20, loss=3.0))
    assert judged.verdict == "worse"
    assert judged.sentence.startswith("Worse. Label accuracy 20 %")
    assert judged.what_would_help is not None
    assert "lower learning rate" in judged.what_would_help


def test_the_same_on_many_rows_is_not_better() -> None:
    judged = judge(scores(800, 1000), scores(800, 1000))
    assert judged.verdict == "not_better"
    assert judged.sentence.startswith("Not better. Label accuracy 80 %")
    learning = judge(scores(800, 1000, loss=2.0), scores(800, 1000, loss=1.0))
    assert learning.what_would_help is not None
    assert "more passes" in learning.what_would_help


def test_a_small_difference_on_few_rows_cannot_be_told() -> None:
    judged = judge(scores(20, 40), scores(24, 40))
    assert judged.verdict == "cant_tell"
    assert judged.sentence.startswith("Can't tell with 40 rows. Label accuracy 60 %")
    assert judged.what_would_help is not None
    assert "Hold out more rows: about 92 would be enough to confirm a difference of this size" in judged.what_would_help
    equal = judge(scores(20, 40), scores(20, 40, wrong="else"))
    assert equal.what_would_help is not None
    assert "whether the difference exceeds 5 points (now 40)" in equal.what_would_help


def test_a_handful_of_rows_cannot_be_told_however_clear() -> None:
    judged = judge(scores(0, 9, loss=9.0), scores(9, 9, loss=0.1))
    assert judged.verdict == "cant_tell"
    assert judged.sentence.startswith("Can't tell with 9 rows.")
    losses_only = judge(scores(0, 3, loss=9.0), scores(0, 3, loss=0.1), "text")
    assert losses_only.verdict == "cant_tell"


def majority(given: str, n_right: int = 80, n: int = 100, loss: float = 1.0) -> tuple[Scores, HeldOutSide]:
    """A model that always gives the same answer, on rows of which `n_right` expect “refund”."""
    expected = ["refund"] * n_right + ["limit"] * (n - n_right)
    answers = tuple(Answer(i, f"prompt {i}", text, given, ended=True) for i, text in enumerate(expected))
    noise = np.random.default_rng(0).normal(0, 0.2, n)
    return Scores(tuple(range(1, n + 1)), (loss + noise) * 4, np.full(n, 4), answers=answers), side(expected)


def test_always_the_same_label_is_no_achievement() -> None:
    (base, rows), (adapted, _) = majority("dunno", loss=9.0), majority("refund", loss=0.4)
    judged = judge(base, adapted, side=rows)
    assert (judged.verdict, judged.trivial and judged.trivial.beaten) == ("not_better", False)
    assert judged.claim == "Not better than always answering “refund”"
    assert judged.sentence == (
        "Not better than always answering “refund”. Label accuracy 80 % [71, 87] against 0 % [0, 4] for the base and "
        "80 % [71, 87] for always answering “refund”, on 100 held-out rows."
    )
    assert judged.what_would_help is not None
    assert judged.what_would_help.startswith("The adapted model gives this answer to 100 % of the rows.")


def test_a_model_that_always_says_the_same_is_not_better_however_few_rows() -> None:
    (base, rows), (adapted, _) = majority("dunno", 9, 12), majority("refund", 9, 12)
    assert judge(base, adapted, side=rows).claim == "Not better than always answering “refund”"


def test_slightly_above_the_most_frequent_label_cannot_be_told() -> None:
    judged = judge(scores(0), scores(26))
    assert judged.verdict == "cant_tell"
    assert judged.claim == "Can't tell with 100 rows whether it is better than always answering “label4”"
    assert judged.what_would_help is not None
    assert "would be enough to confirm a difference of this size (now 100)" in judged.what_would_help


def test_the_trivial_answer_is_the_training_sides() -> None:
    judged = judge(scores(0), scores(50), side=side(labels(100), training=["label1"] * 9 + ["label2"] * 10))
    assert judged.trivial is not None
    assert (judged.trivial.answer, judged.trivial.metrics["exact_match"].value) == ("label2", 0.2)
    unseen = judge(scores(0), scores(50), side=side(labels(100), training=["other"] * 9))
    assert unseen.trivial is not None
    assert unseen.trivial.metrics["label_accuracy"].value == 0.0


def test_labels_worse_than_the_most_frequent_one_are_not_usable() -> None:
    judged = judge(scores(0, loss=6.0), scores(5, loss=2.0))
    assert judged.verdict == "lower_loss"
    assert judged.what_would_help is not None
    assert "95 % of the adapted model's answers match no label" in judged.what_would_help


WORDS = ("parcel", "window", "garden", "letter", "kettle", "bridge", "market", "winter", "copper", "yellow", "doctor")


def sentence(i: int) -> str:
    """A sentence unlike the others."""
    return " ".join(np.random.default_rng(i).permutation(WORDS)[:7]) + " soon."


def free(n: int, *, quality: str, loss: float, seed: int = 0) -> tuple[Scores, HeldOutSide]:
    """Long answers that all differ; the model gives other words, nearly the same, or a fixed sentence."""
    expected = [sentence(i) for i in range(n)]
    given = {
        "babble": lambda i: "zz qq " * (i % 3 + 1),
        "near": lambda i: expected[i].replace("soon", "shortly"),
        "fixed": lambda _i: "Thank you for writing to us.",
    }[quality]
    answers = tuple(Answer(i, f"prompt {i}", expected[i], given(i), ended=True) for i in range(n))
    noise = np.random.default_rng(seed).normal(0, 0.2, n)
    return (
        Scores(tuple(range(1, n + 1)), (loss + noise) * 4, np.full(n, 4), answers=answers),
        side(expected, "prompt_completion", training=[sentence(n + i) for i in range(n)]),
    )


def test_long_answers_are_judged_by_their_similarity() -> None:
    (base, rows), (adapted, _) = free(60, quality="babble", loss=4.0), free(60, quality="near", loss=1.0)
    judged = judge(base, adapted, "prompt_completion", side=rows)
    assert (judged.verdict, judged.headline) == ("better", "chrf")
    assert judged.sentence.startswith("Better. Similarity to the expected answers (chrF) 90 % [")
    assert judged.metrics["exact_match"].adapted.value == 0
    assert judged.trivial is not None
    assert 0.2 < judged.trivial.metrics["chrf"].value < judged.metrics["chrf"].adapted.low


def test_a_lower_loss_with_unusable_answers_is_called_that() -> None:
    (base, rows), (adapted, _) = free(60, quality="babble", loss=4.0), free(60, quality="fixed", loss=1.0)
    judged = judge(base, adapted, "prompt_completion", side=rows, run=Run(10, 10))
    assert judged.verdict == "lower_loss"
    assert judged.sentence.startswith("Lower loss, answers not usable yet. The loss is 1.0")
    assert "nats per token against 4.0" in judged.sentence
    assert [(one.row, one.expected) for one in judged.examples][:1] == [(1, sentence(0))]
    assert judged.examples[0].given == "Thank you for writing to us."
    assert judged.what_would_help is not None
    assert judged.what_would_help.startswith("Train longer (10 steps so far)")


def test_a_lower_loss_after_good_answers_is_a_loss_of_answers() -> None:
    (base, rows), (adapted, _) = free(60, quality="near", loss=4.0), free(60, quality="babble", loss=1.0)
    judged = judge(base, adapted, "prompt_completion", side=rows)
    assert judged.verdict == "worse"
    assert judged.sentence.startswith("Worse. Similarity")


def test_no_answer_decides_by_its_loss() -> None:
    judged = judge(scores(0, loss=2.31), scores(1, loss=0.74, seed=3), "prompt_completion")
    assert judged.headline == "exact_match"
    assert judged.verdict == "lower_loss"


def test_short_answers_are_judged_by_exact_match() -> None:
    assert judge(scores(0), scores(40), "prompt_completion").headline == "exact_match"


def test_plain_text_has_only_losses() -> None:
    base, adapted = scores(0, loss=6.0), scores(0, loss=5.0, seed=1)
    without = [Scores(s.source_rows, s.nll, s.n_tokens) for s in (base, adapted)]
    judged = judge(*without, "text")
    assert set(judged.metrics) == {"loss", "perplexity"}
    assert (judged.verdict, judged.n_answered) == ("better", 0)
    assert judged.sentence.startswith("Predicts held-out text better. Held-out loss 4.99 [4.9")
    assert "nats per token against 6.0" in judged.sentence
    assert judged.what_would_help is not None
    assert "score both models on a dataset of questions and answers" in judged.what_would_help
    assert judged.changes == {"better": 0, "worse": 0, "same": 0, "changed": 0}


def test_nothing_to_score_is_said() -> None:
    empty = Scores((), np.zeros(0), np.zeros(0, dtype=np.int64))
    judged = judge(empty, empty)
    assert judged.sentence == "Can't tell: no held-out row could be scored."
    assert judged.what_would_help is not None
    assert "held-out share" in judged.what_would_help
    unscored = Scores((1, 2), np.zeros(2), np.zeros(2, dtype=np.int64), n_cut=2)
    judged = judge(unscored, unscored, "text")
    assert judged.verdict == "cant_tell"
    assert judged.what_would_help is not None
    assert "Maximum row length" in judged.what_would_help
    assert judged.remarks[0].startswith("2 rows of 2 had no token left")


def test_what_was_not_measured_is_counted() -> None:
    base = scores(10, 50)
    adapted = scores(20, 50, n_cut=3, n_too_long=2, n_not_asked=1)
    judged = judge(base, adapted)
    assert len(judged.remarks) == 3
    assert judged.remarks[0].startswith("3 rows exceeded")
    assert "2 rows not answered" in judged.remarks[1]
    assert "1 row not answered" in judged.remarks[2]


def test_losses_of_different_tokenizers_are_not_compared() -> None:
    judged = judge(scores(10, tokens=4), scores(60, tokens=5), "classification", against="nano")
    assert "loss" not in judged.metrics
    assert judged.verdict == "better"
    assert "for nano and 20 % [13" in judged.sentence
    assert any("different tokens" in remark for remark in judged.remarks)


def test_a_perplexity_never_overflows() -> None:
    judged = judge(scores(0, loss=5000.0), scores(0, loss=1.0), "text")
    assert np.isfinite(judged.metrics["perplexity"].base.high)
    assert "Infinity" not in judged.model_dump_json()


def test_a_model_alone() -> None:
    alone = verdict.alone(scores(93), "classification", side(labels(100)))
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
    def difference(value: float) -> Interval:
        return Interval(value=value, low=value - 0.2, high=value + 0.2)

    # the half-width of 0.2 must shrink to the difference: 40 × (0.2 / 0.1)² × 2 = 320
    assert rows_needed(difference(0.1), 0.05, 40, 40) == 320
    assert rows_needed(difference(0.0), 0.05, 40, 40) == 1300
    assert rows_needed(difference(0.19), 0.05, 40, 40) > 40
    assert rows_needed(difference(0.9), 0.05, 40, 4) == 100, "ten groups at least"


def test_a_stopped_job_says_so_and_asks_to_finish() -> None:
    judged = judge(scores(20, 40), scores(24, 40), run=Run(6, 61, stopped=True))
    assert judged.sentence.endswith("on 40 held-out rows. The training was stopped at 6 of 61 steps.")
    assert judged.stopped is not None
    assert (judged.stopped.step, judged.stopped.of) == (6, 61)
    assert judged.what_would_help is not None
    assert judged.what_would_help.startswith("Finish the training: it was stopped at 6 of 61 steps")
    assert "Hold out" not in judged.what_would_help
    better = judge(scores(0), scores(93), run=Run(6, 61, stopped=True))
    assert better.verdict == "better"
    assert better.what_would_help is not None
    assert judge(scores(0), scores(93), run=Run(61, 61)).stopped is None


def test_nearly_equal_rows_count_once() -> None:
    words = ["apple", "banjo", "cedar", "delta", "ember", "fjord", "grape", "hotel", "igloo", "joker", "kayak", "lemon"]
    prompts = [f"{word} {word[::-1]} {word * 2} from the {word} shop{end}" for word in words for end in ("", ".", "!")]
    n = len(prompts)
    rows = side(["label1"] * n, prompts=prompts, training=["label0"])
    judged = judge(of_first(0, n), of_first(18, n), side=rows)
    alone = judge(of_first(0, n), of_first(18, n), side=side(["label1"] * n, training=["label0"]))
    assert (judged.n_groups, alone.n_groups) == (12, 36)
    assert "on 36 held-out rows (12 groups of nearly equal rows)." in judged.sentence
    assert any("form 12 groups of nearly equal rows" in remark for remark in judged.remarks)
    widths = [
        found.metrics[name].difference.high - found.metrics[name].difference.low
        for name in ("label_accuracy", "loss")
        for found in (judged, alone)
    ]
    assert widths[0] > 1.3 * widths[1]
    one, other = (found.metrics["label_accuracy"].adapted for found in (judged, alone))
    assert one.high - one.low > 1.3 * (other.high - other.low)


def of_first(n_right: int, n: int) -> Scores:
    """A model that is right on the first rows, where neighbours share their loss."""
    noise = np.repeat(np.random.default_rng(n_right).normal(0, 0.4, n // 3), 3)
    answers = tuple(Answer(i, "", "label1", "label1" if i < n_right else "dunno", ended=True) for i in range(n))
    return Scores(tuple(range(1, n + 1)), (1.0 + noise) * 4, np.full(n, 4), answers=answers)


def test_few_groups_cannot_tell_however_many_rows() -> None:
    prompts = [f"{word} and nothing else but {word}{end}" for word in ("apple", "banjo") for end in [" "] * 30]
    rows = side(["label1"] * 60, prompts=prompts, training=["label0"])
    judged = judge(of_first(0, 60), of_first(60, 60), side=rows)
    assert judged.verdict == "cant_tell"
    assert judged.claim == "Can't tell with 60 rows in 2 groups"
    assert judged.what_would_help is not None
    assert "Hold out more distinct rows" in judged.what_would_help
