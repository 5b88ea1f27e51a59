"""Kahneman-Tversky optimisation (KTO).

**What is learned.** Each answer is judged alone: good ones become likelier than with the base, bad ones less likely.
How far each has to go is measured from a common level, which is estimated in every step with answers that belong to
other prompts. Once an answer is clearly above or below it, it hardly counts any more.

**When to use it.** You have thumbs up and thumbs down, not pairs; or far more of one kind than of the other. Pairs
work too: each counts as two judgements. **When not:** you have pairs without contradictions: then *DPO* learns more
from the same rows, because the two answers differ in what matters and share the rest.

**How much data.** Some hundreds of judgements, of both kinds. If one kind is rarer, it weighs more: the weights are
chosen so that good answers together count between 1 and 4/3 times as much as bad ones, as the paper advises
(its equation 8).

**Cost.** Four readings of each answer: model and reference read it, and both read an answer of another prompt. The
reference is the base itself with the adapter switched off, so it takes no memory; this is why the method must be an
adapter. A step needs at least two rows.

**Source.** Ethayarajh et al. 2024, arXiv 2402.01306.
"""

from __future__ import annotations

from templates import preferences
from templates.errors import BadInput, Problem
from templates.metrics import Metric
from templates.spec import BASE_BEHIND_ADAPTER, REFERENCE_BESIDE, Cost, Objective, TrainingParams, setting

SHARE_OF_ADVICE = 0.5
"""As a share of the learning rate that the method advises for next-token losses."""
MOST_TIMES = 4 / 3
"""How many times as much as bad answers good ones may count together (equation 8; the least is once)."""


class KtoParams(TrainingParams):
    """Arguments of `trl.KTOConfig`, under the same names."""

    num_train_epochs: float = setting(2.0, "Passes over the data", shown=True, unit="epochs", gt=0, le=1000)
    """How often the model sees each judgement."""
    learning_rate: float = setting(1e-4, "Learning rate", shown=True, gt=0, le=1)
    """Size of each update. Use a fraction of what suits supervised fine-tuning."""
    per_device_train_batch_size: int = setting(8, "Rows per step", shown=True, ge=2, le=4096)
    """Answers that go through the model together; a pair is two. The common level is estimated from these."""
    beta: float = setting(0.1, "Nearness to the base (beta)", shown=True, gt=0, le=100)
    """Higher keeps the result nearer to the base; lower follows the judgements further."""
    desirable_weight: float = setting(0.0, "Weight of good answers", ge=0, le=1000)
    """0 chooses both weights from the counts of good and bad answers."""
    undesirable_weight: float = setting(0.0, "Weight of bad answers", ge=0, le=1000)
    """0 chooses it from the counts."""


def weights(params: KtoParams, n_good: int, n_bad: int) -> tuple[float, float]:
    """The weights of good and bad answers: those that were set, else the least change from 1 that the counts allow."""
    good, bad = params.desirable_weight, params.undesirable_weight
    if not (n_good and n_bad) or (good and bad):
        return good or 1.0, bad or 1.0
    if good:
        return good, _into_range(good * n_good / n_bad)
    if bad:
        return 1 / _into_range(n_good / (bad * n_bad)), bad
    times = _into_range(n_good / n_bad)
    return (1.0, times) if times >= 1 else (1 / times, 1.0)


def of_judgements(params: KtoParams, n_good: int, n_bad: int) -> str:
    """How much good and bad answers weigh. Raises `BadInput` if there is only one kind."""
    if not (n_good and n_bad):
        kind, remedy = (
            ("good", "Learn them with the objective sft, or add bad ones.")
            if n_good
            else ("bad", "Add good ones: from bad answers alone, a model can't learn what to say.")
        )
        what = f"All {n_good + n_bad:,} answers to learn are {kind}, so there is nothing to tell apart."
        raise BadInput(Problem(what, field="dataset", remedy=remedy), code="one_kind_of_judgement")
    good, bad = weights(params, n_good, n_bad)
    times = good * n_good / (bad * n_bad)
    return (
        f"{n_good:,} good and {n_bad:,} bad answers, with the weights {good:.3g} and {bad:.3g}: together, good "
        f"ones count {times:.2f} times as much as bad ones."
    )


def _into_range(times: float) -> float:
    """By what the bad answers' side has to be multiplied, given how many times as much the good ones count."""
    return times if times < 1 else max(1.0, times / MOST_TIMES)


SPEC = Objective(
    title="KTO: answers judged one by one",
    summary="Good answers become likelier and bad ones less likely than with the base; they need not come in pairs.",
    params=KtoParams,
    row_shapes=("preference", "unpaired_preference"),
    presets={
        "quick": {"num_train_epochs": 1.0},
        "balanced": {"num_train_epochs": 2.0},
        "thorough": {"num_train_epochs": 4.0},
    },
    goal=preferences.GOAL,
    needs=(BASE_BEHIND_ADAPTER, REFERENCE_BESIDE),
    loss_means="the loss starts at one half, and is 0 once every answer is clearly on its side",
    metrics=(
        Metric("rewards/chosen", "Reward of good answers"),
        Metric("rewards/rejected", "Reward of bad answers", higher_is_better=False),
        Metric("rewards/margins", "Distance of good and bad answers"),
        Metric("kl", "Distance to the base on other answers", "nats", higher_is_better=None),
    ),
    headline=preferences.HEADLINE,
    learns_judgements=True,
    cost=Cost(forwards=4, reference_forwards=2),
    views=preferences.judged_sides,
    of_judgements=of_judgements,
    advised=preferences.advised_share(SHARE_OF_ADVICE),
)
