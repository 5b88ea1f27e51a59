"""The verdict as stored and shown: on the job, with the artifact, over REST."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from storage.runs.bootstrap import Interval, Pair
from workers.classification.label_verdict import LabelVerdict
from workers.evaluation.forgetting import Forgotten
from workers.evaluation.measures import Measure
from workers.evaluation.sentences import Outcome
from workers.evaluation.wins import Wins
from workers.preferences.reward_verdict import RewardVerdict
from workers.rewards.liked import Liked

Change = Literal["better", "worse", "same", "changed"]
"""What happened to an answer. `changed`: other words, but neither or both are right."""


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TrivialScore(_Form):
    """The scores of a rule that reads no prompt, on the same rows."""

    words: str
    """E.g. `always answering “refund”`."""
    answer: str | None
    metrics: dict[str, Interval]
    """Its score on each metric that it can be given, with the same keys as the models' metrics."""
    difference: Interval | None = None
    """Adapted minus trivial on the deciding metric; None if the loss decides."""
    beaten: bool | None = None
    """Whether the whole interval of the difference lies above 0."""


class Example(_Form):
    """An answer of the adapted model."""

    row: int
    """Its row number in the source file."""
    expected: str
    given: str


class Stopped(_Form):
    """Where someone stopped the training."""

    step: int
    of: int


class UnknownLabels(_Form):
    """Share of answers that match no label of the dataset."""

    base: float
    adapted: float


class Beside(_Form):
    """The base model at the root of a chain of trainings, on the same held-out rows as the result."""

    name: str
    metrics: dict[str, Pair]
    """As `Verdict.metrics`, with the root as `base`."""
    wins: Wins | None = None
    """The result's answers against the root's."""


class TeacherLine(_Form):
    """The teacher of a distillation on the same held-out rows, as the line to reach."""

    name: str
    metrics: dict[str, Pair]
    """As `Verdict.metrics`, with the teacher as `base`."""
    kept: Interval | None = None
    """The share of the teacher's lead over the model before the training that the result has, on the deciding metric;
    None if the teacher has no sure lead."""
    times_larger: float
    """The teacher's parameters divided by the student's."""
    times_slower: float | None = None
    """The teacher's time to read the same tokens divided by the student's; None in older verdicts."""
    sentence: str


class Verdict(_Form):
    """The final evaluation of a job. Losses are in nats per trained token."""

    verdict: Outcome
    claim: str = ""
    """The beginning of the sentence: what the verdict is, in a few words."""
    sentence: str
    headline: str
    """The metric that decided: a key of `metrics`."""
    metrics: dict[str, Pair]
    """`loss` and `perplexity` always; `exact_match`, `chrf` and `label_accuracy` where the rows have answers."""
    n_rows: int
    """Held-out rows behind the loss."""
    n_answered: int
    """Held-out rows that both models answered."""
    n_tokens: int
    changes: dict[str, int]
    """Answers that got `better` or `worse`, stayed the `same`, or `changed` without a change of score."""
    unknown_labels: UnknownLabels | None = None
    trivial: TrivialScore | None = None
    """None if the dataset has no answers."""
    n_groups: int | None = None
    """Groups of nearly equal rows, or of one document, behind the deciding metric; each is resampled as a whole."""
    examples: tuple[Example, ...] = ()
    """A few answers, where they are not usable yet."""
    stopped: Stopped | None = None
    """None if the training ran to its end."""
    what_would_help: str | None = None
    remarks: tuple[str, ...] = ()
    """Counts of rows that were cut, not scored or not answered, with reasons."""
    came_back: str = ""
    """What a repair brought back, and what it cost; empty for other jobs."""
    measures: dict[str, Measure] = {}
    """The objective's own metrics by key; they don't decide the verdict."""
    classification: LabelVerdict | None = None
    """None unless the objective chooses among labels."""
    reward: RewardVerdict | None = None
    """None unless the result gives scores; then `base` means the trivial rule everywhere here."""
    liked: Liked | None = None
    """What the reward model that rewarded the answers thinks of them; None elsewhere."""
    wins: Wins | None = None
    """The answers against those of the model before, where people judged answers; None elsewhere."""
    opening: int | None = None
    """The number of this opening of the held-out side, counted from 1 when the job started."""
    parent: str = ""
    """The result that the training went on from, which `base` means everywhere here; empty: the base model."""
    root: Beside | None = None
    """None if the training started from the base model."""
    teacher: TeacherLine | None = None
    """None if the objective has no teacher."""
    forgotten: Forgotten | None = None
    """General abilities before and after; None if not measured."""
    by_dataset: tuple[OnDataset, ...] = ()
    """With several datasets, the verdict on each; then the fields above are those of the first, but `verdict` is the
    least favourable one, `claim` and `sentence` name all, and `remarks` are those that concern all."""


class OnDataset(_Form):
    """The verdict on one of several datasets that were learned together."""

    name: str
    verdict: Verdict
