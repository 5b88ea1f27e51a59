"""Objectives: what the model learns."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from templates.errors import Problem
from templates.metrics import Metric
from templates.roles import Role
from templates.spec.base_facts import BaseFacts
from templates.spec.method import Method, Settings
from templates.spec.params import TrainingParams
from templates.spec.shape import RowShape

Preset = Literal["quick", "balanced", "thorough"]
WRITING = "letting the teacher answer"
"""The stage in which a teacher writes answers."""
TO_COMPARE = 64
"""Training prompts that a teacher answers at most where it writes for the verdict only: they show which answer is most
frequent, and the verdict compares with that."""
TO_WRITE = (
    "This prompt has no answer. The teacher writes one before the training, and the model learns from that. Held-out "
    "prompts are answered too, for the verdict."
)
PRESET_TITLES: Mapping[Preset, str] = {"quick": "quick try", "balanced": "balanced", "thorough": "thorough"}


def _always(_settings: Settings) -> bool:
    return True


@dataclass(frozen=True)
class Need:
    """Something about the method without which an objective can't work."""

    met: Callable[[Method, Settings], bool]
    why: str
    """The reason for the need, as the end of a sentence that begins with the objective."""
    arises: Callable[[Settings], bool] = _always
    """Whether these settings of the objective bring the need."""
    otherwise: str = ""
    """How to do without, as the end of a sentence that names other methods."""


BASE_BEHIND_ADAPTER = Need(
    lambda method, settings: method.trains == "adapter" and not method.moves_base(settings),
    "compares with the untouched base, which must stay behind the adapter",
)

REFERENCE_BESIDE = Need(
    lambda method, _settings: method.trains != "adapter" or method.allows_reference,
    "is trained by TRL, which puts a copy of the adapter beside it",
)
RECAST = Need(
    lambda method, _settings: method.allows_recasting,
    "computes the whole model in 16 bits by itself",
)


@dataclass(frozen=True)
class Cost:
    """The cost of one row beyond one forward and one backward pass over it."""

    sides: int = 1
    """Sequences made from one row."""
    forwards: int = 1
    """Forward passes over each sequence, including the trained model's."""
    reference_forwards: int = 0
    """How many of them are the reference's, which is the base behind the adapter."""
    generations: int = 0
    """Answers generated for each row."""
    extra_models: int = 0
    """Copies of the base held in memory besides the trained model."""
    holds_teacher: bool = False
    """The teacher stays in memory during the training; otherwise it is gone before the trained model is loaded."""


@dataclass(frozen=True)
class Written:
    """What a teacher writes to rows before the training: see `Objective.learns_written`."""

    n_answers: int = 0
    max_new_tokens: int = 0
    """Of one answer."""
    filters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Settings by the key of each filter that drops answers."""
    temperature: float = 0.0
    top_p: float = 1.0


@dataclass(frozen=True)
class View:
    """One of the sequences that an objective makes from a row."""

    title: str
    row: Mapping[str, Any]
    wanted: bool = True
    """False: the model learns to give this answer less often."""


def _as_it_is(row: Mapping[str, Any]) -> tuple[View, ...]:
    return (View("", row),)


def _no_bytes(_params: Any, _facts: BaseFacts) -> float:
    return 0.0


def _nothing_written(_params: Any) -> Written:
    return Written()


def _unsaid(_params: Any, _n_good: int, _n_bad: int) -> str:
    return ""


def _unrewarded(_params: Any) -> Sequence[Any]:
    return ()


def _no_misfits(_params: Any, _shape: RowShape) -> list[Problem]:
    return []


def _nowhere(_shape: RowShape) -> bool:
    return False


def _nothing(_facts: BaseFacts, _of_method: Mapping[str, Any]) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True)
class Objective:
    """An objective: what the model learns."""

    title: str
    summary: str
    params: type[TrainingParams]
    """A default that this class redeclares overrides the method's advice."""
    row_shapes: tuple[str, ...]
    presets: Mapping[Preset, Mapping[str, Any]]
    """Settings that each effort level overrides."""
    goal: str = ""
    """Key of the goal that it is one of several ways to; "" if it is a goal of its own."""
    without_teacher: tuple[str, ...] = ()
    """Keys of the objectives that learn the same rows without the teacher, for comparison; each takes some shapes."""
    makes: tuple[str, str] = ("adapter", "full_model")
    """Keys of the kinds of artifacts that its jobs publish: of a method that is an adapter, and of any other."""
    advised_method: str = "lora"
    """Key of the method that a form proposes first."""
    trains_prompt: bool = False
    """True: the model learns every token. False: only the answers' tokens."""
    mixes: bool = False
    """It can learn from several datasets at once and replay others; its worker module then sets up `next_token`."""
    repairs: bool = False
    """It goes on from a result, to bring back what that forgot: of replayed rows it reads only the prompts, and its
    verdict has the base model at the root on general abilities, too."""
    needs: tuple[Need, ...] = ()
    """What the method must offer."""
    roles: tuple[Role, ...] = ()
    """Inputs that the job needs besides base and data."""
    takes: tuple[Role, ...] = ()
    """Inputs that it may have besides."""
    same_vocabulary: bool = False
    """It compares the teacher's probabilities token by token, so teacher and base need the same tokens."""
    stages: tuple[str, ...] = ()
    """Stages of its jobs between preparing and training; each is one call of the setup's `beforehand`. The stage in
    which a teacher writes comes before them and is not listed."""
    kept_bytes: Callable[[Any, BaseFacts], float] = _no_bytes
    """Bytes that its jobs keep on disk for each learned token: `(params, facts) -> bytes`."""
    teacher_writes: Callable[[Any], Written] = _nothing_written
    """`params -> what the teacher writes`; `with_rows` in its worker module lets it, and puts that into the rows."""
    writes_to: Callable[[RowShape], bool] = _nowhere
    """Whether the teacher writes to rows of this shape; elsewhere the rows' own answers are learned."""
    learns_written: bool = True
    """The student learns what the teacher writes, instead of the rows' answers. False: it writes itself, and the
    teacher answers only held-out prompts and a few others, for the verdict."""
    loss_means: str | Callable[[Settings], str] = ""
    """What the charted loss is with the objective's settings, as the end of its caption; "" for the loss of the next
    token."""
    metrics: tuple[Metric, ...] = ()
    """Metrics that its training and its verdict report besides the loss."""
    headline: str | None = None
    """The metric that decides its verdict; None: the row shape decides."""
    most_labels: int = 0
    """Above 0, it answers with one of the training rows' labels, at most this many: rows are scored by the probability
    of every label, so an answer is always a label. 0: it answers freely."""
    cost: Cost = Cost()
    views: Callable[[Mapping[str, Any]], tuple[View, ...]] = _as_it_is
    """The sequences made from a row, in order."""
    learns_judgements: bool = False
    """It learns which answers are better, not only the good ones."""
    of_judgements: Callable[[Any, int, int], str] = _unsaid
    """`(params, good, bad) -> what so many answers mean for the training`, as a sentence; "" for nothing.
    Raises `BadInput` if they can't be learned."""
    rewards: Callable[[Any], Sequence[Any]] = _unrewarded
    """`params -> the checks that answers are rewarded for` (`templates.rewards.Picked`); the verdict asks for answers
    as long as the training's, and checks them."""
    misfits: Callable[[Any, RowShape], list[Problem]] = _no_misfits
    """`(params, shape) -> problems`: settings that are valid, but not on rows of this shape."""
    learned_instead: str = ""
    """What is learned in place of a row's own answer, in sentences for the preview; empty: the answer itself."""
    advised: Callable[[BaseFacts, Mapping[str, Any]], Mapping[str, Any]] = _nothing
    """Settings for a base with these facts, given the method's advice; they override both kinds of defaults."""
    key: str = ""
    page: str = ""

    def needs_with(self, settings: Settings) -> list[Need]:
        """What the method must offer if the objective has these settings; those left out have their defaults."""
        given = {**self.params().model_dump(), **settings}
        return [need for need in self.needs if need.arises(given)]

    def loss_meant(self, settings: Settings) -> str:
        """What the charted loss of a training with these settings is; "" for the loss of the next token."""
        return self.loss_means if isinstance(self.loss_means, str) else self.loss_means(settings)

    def written(self, params: TrainingParams, shape: RowShape) -> Written:
        """What a teacher writes to rows of this shape before the training."""
        return self.teacher_writes(params) if self.writes_to(shape) else Written()

    def stages_on(self, shape: RowShape) -> tuple[str, ...]:
        """All stages of its jobs on rows of this shape between preparing and training, in order."""
        return (WRITING, *self.stages) if self.writes_to(shape) else self.stages

    def instead_on(self, shape: RowShape) -> str:
        """What is learned in place of the answer of a row of this shape, for the preview; empty: the answer itself."""
        writes = self.learns_written and self.writes_to(shape)
        return TO_WRITE if writes and not shape.has_answers else self.learned_instead

    def idle_on(self, shape: RowShape) -> frozenset[str]:
        """The settings without an effect on rows of this shape."""
        return frozenset() if self.writes_to(shape) else self.params.of_writing()

    @property
    def declared_defaults(self) -> Mapping[str, Any]:
        """The defaults of the settings that its own parameters declare or redeclare."""
        own = [c for c in self.params.__mro__ if issubclass(c, TrainingParams) and c is not TrainingParams]
        names = {name for declaring in own for name in inspect.get_annotations(declaring)}
        return {name: info.default for name, info in self.params.model_fields.items() if name in names}
