"""Judges a training's result: scores, what was forgotten, the objective's own metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from storage.data import row_files
from storage.gallery.label_sets import LabelSet
from storage.rendering.renderer import Renderer
from storage.runs.bootstrap import renumbered
from storage.runs.row_outcomes import RowOutcomes
from templates import instructions, registry
from workers import models
from workers.evaluation import (
    answer_pairs,
    came_back,
    compared,
    forgetting,
    held_out,
    measures,
    own_prompts,
    pace,
    row_outcomes,
    several,
    teacher_line,
    verdict,
)
from workers.evaluation.compared import ComparedAnswer
from workers.evaluation.forgetting import Forgotten
from workers.evaluation.held_out import HeldOutSide
from workers.evaluation.measures import Measure
from workers.evaluation.progress import Part, noting, parts_of
from workers.evaluation.scoring import Scores
from workers.evaluation.sentences import SCORED, Run
from workers.evaluation.verdict_document import OnDataset, Verdict
from workers.orders.train import Teacher
from workers.rewards import liked
from workers.rewards.checked import Checks
from workers.stages import Watch
from workers.training import best, contenders, held_out_scores, label_judging
from workers.training.callbacks import Channel
from workers.training.setups import TrainingSetup
from workers.training.task import Task

SCORED_QUANTIZED = (
    "Both were scored on the quantized base, because the full-precision base does not fit here. "
    "Chat and the download use full precision, so their answers may differ slightly."
)
READ_PART = 0.7
"""Share of a teacher's stage that is not the scoring."""


@dataclass(frozen=True)
class OfTeacher:
    """What a teacher achieves and takes."""

    scores: Scores
    pass_s: float
    """Seconds of `pace.pass_seconds`."""


@dataclass(frozen=True)
class Judged:
    """What is published of the evaluation."""

    verdict: Verdict
    answers: Sequence[ComparedAnswer]
    outcomes: RowOutcomes
    labels: LabelSet | None = None
    """What the result chooses among, if it chooses among labels."""


def judge(
    task: Task,
    setup: TrainingSetup,
    model: PreTrainedModel,
    actual: Mapping[str, Any],
    channel: Channel,
    of_teacher: OfTeacher | None = None,
) -> Judged:
    """Score what the training started from and `model`, as it will be published, on the held-out rows.

    `of_teacher` is what the teacher achieved on the same rows, if the training had one.
    """
    by_dataset, order = task.by_dataset, task.order
    scored = _scores(by_dataset, task.parts, model, channel)
    judged = [_verdict(one, *pair, actual) for one, pair in zip(by_dataset, scored, strict=True)]
    (base_scores, scores), (found, side) = scored[0], judged[0]
    if len(judged) > 1:
        found = several.joined([_named(one, verdict) for one, (verdict, _) in zip(by_dataset, judged, strict=True)])
    further = _beside(task, model, found, side, (base_scores, scores), of_teacher, channel)
    of_labels = label_judging.judge(task, (base_scores, scores), side.grouping.groups, model, channel)
    further["classification"] = of_labels.verdict if of_labels else None
    margins = measures.margins(base_scores, scores, side.grouping.groups)
    further["measures"] = margins | _measures(task, setup, side, model, channel)
    further |= _rewarded(task, found, further["measures"], (base_scores, scores), side)
    own = setup.remarks_on(model, lambda: channel.abandoned) if setup.remarks_on else ()
    further["remarks"] = (*found.remarks, *own, *_remarks(task, setup, model, actual))
    further["forgotten"] = _forgotten(task, model, channel)
    if order.repairs:
        further |= {
            "came_back": came_back.sentence(found, further["forgotten"], order.against),
            "what_would_help": None,
        }
    return Judged(
        found.model_copy(update=further),
        [
            answer
            for one, pair in zip(by_dataset, scored, strict=True)
            for answer in compared.compare(*pair, dataset=one.order.dataset_name if len(judged) > 1 else "")
        ],
        row_outcomes.of(scores, task.held_out, task.order.shape, side),
        of_labels.labels if of_labels else None,
    )


def _rewarded(
    task: Task, found: Verdict, measured: Mapping[str, Measure], scored: tuple[Scores, Scores], side: HeldOutSide
) -> dict[str, Any]:
    """The verdict's fields on what rewarded the answers; none for other objectives."""
    checks, reward = _checks(task), task.order.reward
    if checks is None:
        return {}
    pairs = answer_pairs.answered_by_both(*scored)
    those = renumbered(side.grouping.groups[[one.index for one, _ in pairs]])
    further: dict[str, Any] = {"measures": {**measured, **checks.measures(pairs, those)}}
    if reward:
        further["liked"] = liked.of(reward.ref.name, reward.pair_accuracy, pairs, those, task.order.model_before)
        if found.headline == SCORED and further["liked"]:
            further["sentence"] = f"{found.sentence} {further['liked'].sentence}"
    return further


def _beside(
    task: Task,
    model: PreTrainedModel,
    found: Verdict,
    side: HeldOutSide,
    scored: tuple[Scores, Scores],
    of_teacher: OfTeacher | None,
    channel: Channel,
) -> dict[str, Any]:
    """The verdict's fields on models besides the two: the base at the root of a chain, the teacher."""
    order, further = task.order, dict[str, Any]()
    if order.continued:
        of_root = _root_scores(task, model, channel)
        root = verdict.beside(order.base_name, of_root, scored[1], order.shape, side, _checks(task))
        further = {"parent": order.against, "root": root}
    if order.teacher and of_teacher:
        further["teacher"] = teacher_line.of(
            _sizes(task, model, of_teacher),
            (of_teacher.scores, *scored),
            order.shape,
            side,
            found.headline,
            same_tokens=registry.objective(task.recipe.objective).same_vocabulary,
        )
    return further


def _named(task: Task, found: Verdict) -> OnDataset:
    """The verdict on one of several datasets, with the instruction of that one."""
    told = (*found.remarks, *instructions.remarks(task.recipe.instruction))
    return OnDataset(name=task.order.dataset_name, verdict=found.model_copy(update={"remarks": told}))


def _remarks(task: Task, setup: TrainingSetup, model: PreTrainedModel, actual: Mapping[str, Any]) -> list[str]:
    quantized = [SCORED_QUANTIZED] if models.is_quantized(model) else []
    told = instructions.remarks(task.recipe.instruction) if len(task.by_dataset) == 1 else []  # else each has its own
    chosen_on = setup.chosen_on or f"{sum(len(one.selection) for one in task.by_dataset):,} rows"
    chosen = best.remarks(chosen_on, actual, setup.chosen_by) if task.params.chooses else []
    return [*quantized, *task.remarks, *chosen, *told]


def _verdict(task: Task, base_scores: Scores, scores: Scores, actual: Mapping[str, Any]) -> tuple[Verdict, HeldOutSide]:
    """The verdict on the task's own dataset, and what it needed to know of that."""
    order, side = task.order, _held_out_side(task)
    found = verdict.judge(
        base_scores,
        scores,
        order.shape,
        side,
        against=order.model_before,
        headline=registry.objective(task.recipe.objective).headline,
        run=Run(actual["steps"], actual["planned_steps"], actual["stopped"]),
        checks=_checks(task),
    )
    return found.model_copy(update={"opening": order.held_out_openings + 1}), side


def _checks(task: Task) -> Checks | None:
    """What answers were rewarded for."""
    picked = registry.objective(task.recipe.objective).rewards(task.params)
    return Checks(picked, task.reward is not None) if picked or task.reward else None


def context_length(task: Task) -> int:
    """What both teacher and student can read."""
    told = task.order.teacher
    return min(task.facts.context_length, told.facts.context_length) if told else task.facts.context_length


def _sizes(task: Task, model: PreTrainedModel, of_teacher: OfTeacher) -> teacher_line.Sizes:
    """What teacher and student take; of a smaller copy, what it takes itself."""
    told = task.order.teacher
    assert told
    student_s = pace.pass_seconds(model, context_length(task))
    return teacher_line.Sizes(
        teacher=told.ref.name,
        n_teacher=told.facts.n_parameters,
        n_student=model.num_parameters(),
        teacher_s=of_teacher.pass_s,
        student_s=student_s,
        is_before=told.ref.name == task.order.base.name,
    )


def _scores(
    by_dataset: Sequence[Task], parts: Sequence[Part], model: PreTrainedModel, channel: Channel
) -> list[tuple[Scores, Scores]]:
    """The scores of what the training started from and of the model, on all held-out rows of each dataset."""
    order, sizes = by_dataset[0].order, [len(one.held_out) for one in by_dataset]
    of_base, of_model = (parts_of(part, sizes) for part in parts[:2])
    with contenders.parent(order, model) as base:
        before = [
            _score(one, base, order.base.name, part, channel) for one, part in zip(by_dataset, of_base, strict=True)
        ]
    after = [_score(one, model, order.name, part, channel) for one, part in zip(by_dataset, of_model, strict=True)]
    return list(zip(before, after, strict=True))


def _root_scores(task: Task, model: PreTrainedModel, channel: Channel) -> Scores:
    """The scores of the base model at the root of the chain, on the same rows."""
    with contenders.root(task.order, model) as base:
        return _score(task, base, task.order.base_name, task.parts[2], channel)


def score_teacher(task: Task, teacher: PreTrainedModel, channel: Channel) -> Scores:
    """The teacher's scores on all held-out rows, before the training."""
    watch, told = Watch(channel).of(READ_PART, 1.0), task.order.teacher
    name = told.ref.name if told else ""
    return held_out_scores.scored(
        _as_it_reads(task, told) if told else task,
        teacher,
        channel,
        lambda n, of: watch.tell(n / max(1, of), f"scoring “{name}” on the held-out rows"),
    )


def _as_it_reads(task: Task, teacher: Teacher) -> Task:
    """The task in the tokens and the chat template of the teacher, unless it has to read the student's."""
    if registry.objective(task.recipe.objective).same_vocabulary:
        return task
    renderer = Renderer(Path(teacher.ref.base_folder)).instructed(task.recipe.instruction)
    reads = teacher.facts.context_length
    params = task.params.model_copy(update={"max_length": min(task.params.max_length, reads)})
    return replace(task, renderer=renderer, facts=teacher.facts, params=params)


def _score(task: Task, which: PreTrainedModel, name: str, part: Part, channel: Channel) -> Scores:
    return held_out_scores.scored(task, which, channel, noting(channel, name, part=part))


def _forgotten(task: Task, model: PreTrainedModel, channel: Channel) -> Forgotten | None:
    plain, length = task.renderer.instructed(""), task.facts.context_length
    parts = task.parts[3 if task.order.continued else 2 :]
    before = partial(contenders.parent, task.order, model)
    root = partial(contenders.root, task.order, model) if task.order.repairs else None
    return forgetting.measure(task.order, plain, length, before, model, channel, parts, _replayed(task), root)


def _replayed(task: Task) -> list[str]:
    """The prompts of the replayed rows."""
    replayed = [one for one in task.further if one.replayed]
    return [text for one in replayed for text in own_prompts.as_read(one.renderer, one.shape, one.train)]


def _measures(
    task: Task, setup: TrainingSetup, side: HeldOutSide, model: PreTrainedModel, channel: Channel
) -> dict[str, Measure]:
    """The objective's own metrics of base and model, on all held-out rows."""
    if setup.measure_rows is None:
        return {}
    with contenders.parent(task.order, model) as base:
        of_base = setup.measure_rows(base, lambda: channel.abandoned)
    of_model = setup.measure_rows(model, lambda: channel.abandoned)
    declared = registry.objective(task.recipe.objective).metrics
    return measures.compare(declared, of_base, of_model, side.grouping.groups)


def _held_out_side(task: Task) -> HeldOutSide:
    """What the verdict needs to know of the dataset."""
    documents = row_files.documents(Path(task.order.dataset_file))
    return held_out.of(task.order.shape, task.train + task.selection, task.held_out, documents)
