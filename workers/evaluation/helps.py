"""What would help after a verdict: concrete next steps, with numbers where they are known."""

from __future__ import annotations

import math

from storage.planning.detectable import FEWEST_GROUPS
from storage.runs.bootstrap import Interval
from workers.evaluation.sentences import CHECKS, JUDGED, SCORED, Case, percent, same_within

HARDLY = 20
"""If a difference needs this many times the held-out rows, a larger difference is easier to reach."""
POWER = 2.0
"""Factor on the rows at which the interval would just exclude 0, for 80 % power: (2.8 / 1.96)²."""
MOSTLY = 0.5
SELDOM = 0.15
"""Below this share of passes, too few answers are rewarded to learn much."""
CONFLICTS = "Check the data for equal texts with different labels (health report, “Conflicting answers”)."

ALL_ALIKE = (
    "All held-out rows that were answered have the same answer, so no model can be better than always giving it. Have "
    "rows with other answers, in the training side too; if the file is sorted, hold out rows at random."
)


def what_would_help(case: Case) -> str | None:
    """What to try next; None if the adapted model is better and nothing is left to say."""
    if case.run and case.run.stopped:
        return (
            f"Finish the training: it was {case.run.words}, so this verdict is about an unfinished model. "
            "Run the job again and let it finish."
        )
    if case.pair is None:
        return _nothing_scored(case)
    if case.trivial and case.trivial.score.value == 1 and case.headline not in JUDGED:
        return ALL_ALIKE
    if case.headline == SCORED:
        return _of_scores(case)
    if case.outcome == "better":
        return _only_loss(case) if case.headline == "loss" else None
    if case.headline == CHECKS:
        return _of_checks(case)
    advice = {"worse": _worse, "lower_loss": _lower_loss, "cant_tell": _cant_tell, "not_better": _not_better}
    return advice[case.outcome](case)


def _of_checks(case: Case) -> str:
    """What to try next where answers were rewarded for passing checks."""
    assert case.pair
    if case.outcome == "worse":
        return "Try a lower learning rate, or keep the model near its base (beta above 0)."
    if case.pair.base.high < SELDOM:
        return (
            f"The model before passes only {percent(case.pair.base.value)} % of the time, so hardly any answer was "
            "rewarded. First fine-tune it on examples and go on from that result, choose easier prompts, or let it "
            "write more answers to each prompt (num_generations)."
        )
    if case.outcome == "cant_tell":
        return _cant_tell(case)
    if case.trivial and case.beats_base and not case.beats_trivial:
        return _beyond_trivial(case)
    return (
        "Look at the chart of prompts whose answers were all rewarded alike: if it is near 1, nothing could be learned "
        "from most prompts; use more answers per prompt (num_generations) or prompts that the model gets right now and "
        f"then. Otherwise train with more passes or more prompts (now {case.n_training:,})."
    )


def _of_scores(case: Case) -> str:
    """What to try next where a reward model alone rewarded the answers."""
    if case.outcome == "better":
        return "See whether people agree: let them compare both models’ answers blind, and vote."
    if case.outcome == "worse":
        return "Try a lower learning rate, or keep the model near its base (beta above 0)."
    if case.outcome == "cant_tell":
        return _cant_tell(case)
    return (
        "Look at the chart of scores: if they don’t rise, try more answers per prompt (num_generations), a higher "
        f"learning rate, or more passes or prompts (now {case.n_training:,})."
    )


def _nothing_scored(case: Case) -> str:
    if not case.n_held_out:
        return "Add the dataset again with more rows or a larger held-out share."
    return "Shorten the rows or raise “Maximum row length”, so that no answer is cut off completely."


def _only_loss(case: Case) -> str:
    if case.asks:
        return "No answers could be compared. Look at some yourself: chat with both models side by side."
    return (
        "Plain text shows only how well a model predicts text. To see whether answers get better, score both models on "
        "a dataset of questions and answers, or chat with both side by side."
    )


def _worse(case: Case) -> str:
    if "loss" in case.metrics and case.metrics["loss"].difference.low > 0:
        return "The loss on held-out rows rose: try fewer passes over the data or a lower learning rate."
    return "Look at the answers that got worse; try a lower learning rate, or more training rows of that kind."


def _lower_loss(case: Case) -> str:
    steps = f" ({case.run.steps:,} steps so far)" if case.run else ""
    found = [f"Train longer{steps}: answers usually become usable only after the loss has fallen further."]
    if case.share_cut_off >= MOSTLY:
        found.append(f"{percent(case.share_cut_off)} % of the adapted model's answers were cut off.")
    if case.share_unknown >= MOSTLY:
        found.append(f"{percent(case.share_unknown)} % of the adapted model's answers match no label.")
    found.append(
        f"If they stay unusable after several passes, use more training rows (now {case.n_training:,}) or a "
        "larger base."
    )
    return " ".join(found)


def _cant_tell(case: Case) -> str:
    assert case.pair
    difference, least = case.pair.difference, same_within(case.headline, case.pair)
    against_trivial = case.trivial and not case.beats_trivial and case.beats_base
    if case.trivial and against_trivial:
        difference = case.trivial.difference
    needed = rows_needed(difference, least, case.n, case.n_groups)
    small = f"{100 * least:.0f} points" if case.headline != "loss" else f"{least:.2g} nats per token"
    aim = (
        "would be enough to confirm a difference of this size"
        if abs(difference.value) > least
        else f"would show whether the difference exceeds {small}"
    )
    different = "distinct " if case.n_groups != case.n else ""
    repeats = against_trivial and case.share_trivial >= MOSTLY
    could_answer_more = case.headline != "loss" and case.n_answerable > case.n
    if needed > HARDLY * case.n and not repeats and not could_answer_more:
        return (
            f"{_larger_difference(case)} More held-out rows are hardly worth collecting: about {needed:,} "
            f"{'distinct ones ' if different else ''}{aim} (now {case.n:,})."
        )
    found = [f"Hold out more {different}rows: about {needed:,} {aim} (now {case.n:,})."]
    if needed > (case.n_held_out + case.n_training) / 2:
        found.append(f"That takes more than the {case.n_held_out + case.n_training:,} rows of this dataset.")
    if could_answer_more:
        found[0] = (
            f"Let the models answer more held-out rows (setting STUDIO_EVAL_ROWS): about {needed:,} {aim} "
            f"(now {case.n:,} of {case.n_answerable:,})."
        )
    if needed > HARDLY * case.n:
        found.append("That many are rarely worth collecting.")
    larger = _larger_difference(case)
    found.append(_beyond_trivial(case) if repeats else f"Or {larger[0].lower()}{larger[1:]}")
    return " ".join(found)


def _larger_difference(case: Case) -> str:
    way = f"Make the difference larger, with more training rows (now {case.n_training:,}) or more passes."
    return f"{way} {CONFLICTS}" if case.headline == "label_accuracy" else way


def _not_better(case: Case) -> str:
    if case.trivial and case.beats_base and not case.beats_trivial:
        return _beyond_trivial(case)
    loss = case.metrics.get("loss")
    if loss and loss.difference.low > 0:
        return "The loss on held-out rows rose: try fewer passes over the data or a lower learning rate."
    if case.headline == "loss":
        return (
            f"The loss hardly moved: try more passes, a higher learning rate, or more text (now {case.n_training:,} "
            "training rows). If the base already knows such texts, there may be nothing to gain."
        )
    if case.loss_fell:
        return (
            f"The loss on held-out rows fell, so the model is learning: try more passes or more training rows "
            f"(now {case.n_training:,})."
        )
    return (
        f"Try more training rows (now {case.n_training:,}), more consistent ones, more passes, or a larger base model. "
        "If the base is already as good as the data allows, there may be nothing to gain."
    )


def _beyond_trivial(case: Case) -> str:
    assert case.trivial
    found = []
    if case.share_trivial >= MOSTLY:
        found.append(f"The adapted model gives this answer to {percent(case.share_trivial)} % of the rows.")
    found.append(
        f"Add training rows on which {case.trivial.words} is wrong, or remove some on which it is right; then train "
        "with more passes."
    )
    if case.headline == "label_accuracy":
        found.append(CONFLICTS)
    return " ".join(found)


def rows_needed(difference: Interval, least: float, n: int, n_groups: int) -> int:
    """Roughly how many rows would narrow the interval enough; its width falls with the square root of n."""
    half = (difference.high - difference.low) / 2
    wanted = max(abs(difference.value), least)
    if wanted <= 0:
        return 2 * n
    needed = max(n * (half / wanted) ** 2 * POWER, n + 1, FEWEST_GROUPS * n / max(n_groups, 1))
    # Two digits: it is only a guess.
    scale = 10.0 ** max(0, math.floor(math.log10(needed)) - 1)
    return math.ceil(needed / scale) * int(scale)
