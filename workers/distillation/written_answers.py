"""A teacher answers the prompts of a training, and what the filters keep is learned instead of the rows' answers.

The answers are sealed with the job's checkpoints as they come. They become the rows of a dataset, as those of a
generation do, which is kept with the result; `storage.data.answers.learned` makes a dataset of it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from storage.data import row_files, splits
from storage.data.answers import learned
from templates import registry
from templates.errors import StudioError
from templates.jobs.generate import GenerateParams
from templates.spec import TO_COMPARE
from workers.answering import rows
from workers.answering.from_model import ModelTeacher
from workers.orders.generate import GenerationOrder
from workers.protocol import MadeDataset
from workers.stages import Watch
from workers.training.task import Rows, Task
from workers.training.teachers import LoadedTeacher

ANSWERS = "answers"
"""Folder for sealed answers among the job's checkpoints."""
MADE = "answered-rows"
"""Folder there for the rows that are made of them."""
CONVERSATIONS = "messages"
"""The row shape in which a prompt may stand without an answer beside prompts with one."""
OWN = "The verdict is measured on the held-out rows’ own answers, as the teacher may be wrong."
OF_TEACHER = (
    "The rows have no answers, so the verdict is measured on the teacher’s answers to the held-out prompts: it says "
    "how near the result came to the teacher, not whether either is right."
)


def with_rows(task: Task, teacher: LoadedTeacher, watch: Watch) -> Task:
    """The task with the teacher's answers in its training rows; held-out rows keep their own, if they have any.

    Raises `Interrupted` if nobody wants the result any more, `StudioError` if no answer is left to learn.
    """
    made, result, answered = _asked(task, teacher, watch)
    said = _remark(teacher.name, made, result, learned=_learns(task))
    if not _learns(task):
        return _for_the_verdict(task, made, answered, said)
    folder, has_answers = Path(task.order.checkpoints) / MADE, registry.shape(task.order.shape).has_answers
    (folder / learned.DATASET).write_text(made.model_dump_json(indent=1), "utf-8")
    named = [learned.DATASET, made.file, *([made.dropped_file] if made.dropped_file else [])]
    return replace(
        task,
        order=task.order if has_answers else task.order.model_copy(update={"shape": made.shape}),
        train=_needed(task, "training", _answered(task, task.train, made, answered)),
        selection=_answered(task, task.selection, made, answered),
        held_out=task.held_out if has_answers else _judged_on(task, made, answered),
        remarks=(*task.remarks, said, OWN if has_answers else OF_TEACHER),
        files={**task.files, **{f"{learned.FOLDER}/{name}": folder / name for name in named}},
    )


def _learns(task: Task) -> bool:
    return registry.objective(task.recipe.objective).learns_written


def _for_the_verdict(task: Task, made: MadeDataset, answered: Mapping[int, Rows], said: str) -> Task:
    """The task with answers to the prompts that were asked; all rows become conversations, which need no answer."""
    prompts, answers = registry.shape(task.order.shape), registry.shape(made.shape)

    def talk(row: Mapping[str, Any]) -> dict[str, Any]:
        assert prompts.messages
        assert answers.messages
        (one, *_), turns = answered.get(int(row["source_row"]), [{}]), prompts.messages(row)
        return {
            "messages": answers.messages(one) if one else turns,
            "tools": prompts.tools(row),
            "source_row": row["source_row"],
        }

    judged = [row for row in task.held_out if int(row["source_row"]) in answered]
    return replace(
        task,
        order=task.order.model_copy(update={"shape": CONVERSATIONS}),
        train=[talk(row) for row in task.train],
        selection=[talk(row) for row in task.selection],
        held_out=[talk(row) for row in _needed(task, "held-out", judged)],
        remarks=(*task.remarks, said, OF_TEACHER),
    )


def _to_judge(task: Task) -> set[int]:
    """The numbers of the prompts that only the verdict needs answered: held-out ones, and some training ones, whose
    most frequent answer is what the result must beat."""
    some = task.train[:: max(1, -(-len(task.train) // TO_COMPARE))]
    return {int(row["source_row"]) for row in (*task.held_out, *some)}


def _asked(
    task: Task, teacher: LoadedTeacher, watch: Watch
) -> tuple[MadeDataset, Mapping[str, Any], Mapping[int, Rows]]:
    """The rows that the teacher's answers make, what became of them, and the rows by the number of their prompt's."""
    order, asks = _generation(task), task.order.teacher
    assert asks
    answering = ModelTeacher(order, asks.ref, teacher.model)
    prompts, left = answering.read()
    if not _learns(task):
        judged = _to_judge(task)
        prompts, left = [one for one in prompts if one.row_number in judged], left.among(judged)

    def tell(done: int, of: int) -> None:
        watch.tell(done / of, f"“{teacher.name}” has answered {done:,} of {of:,} times", kept=done > 0)

    made, result = rows.stage(order, prompts, left, answering.said(prompts, tell, lambda: watch.stopped))
    return made, result, _by_prompt(Path(order.staging) / made.file, order.params.num_return_sequences)


def _generation(task: Task) -> GenerationOrder:
    """The teacher's part of the training, as the order for a generation; its folders exist and hold no rows yet."""
    order, home = task.order, Path(task.order.checkpoints)
    written = registry.objective(task.recipe.objective).written(task.params, registry.shape(order.shape))
    assert order.teacher
    shutil.rmtree(home / MADE, ignore_errors=True)
    for folder in (ANSWERS, MADE):
        (home / folder).mkdir(parents=True, exist_ok=True)
    ref = order.teacher.ref
    return GenerationOrder(
        **{name: getattr(order, name) for name in ("job_id", "attempt", "name", "log_file", "threads")},
        **{name: getattr(order, name) for name in ("shape", "dataset_file", "dataset_name", "dataset_sha256")},
        kind="generate",
        staging=str(home / MADE),
        checkpoints=str(home / ANSWERS),
        model=ref,
        params=GenerateParams(
            max_new_tokens=written.max_new_tokens,
            temperature=written.temperature,
            top_p=written.top_p,
            seed=task.params.seed,
            num_return_sequences=written.n_answers,
        ),
        filters={key: dict(settings) for key, settings in written.filters.items()},
        teacher=ref.as_teacher(order.teacher.license),
        split_seed=splits.DRAWN.seed if order.split_seed is None else order.split_seed,
        instruction=task.recipe.instruction,
    )


def _by_prompt(file: Path, n_each: int) -> Mapping[int, Rows]:
    """The kept rows by the number of their prompt's row; `rows.stage` numbers answers."""
    found: dict[int, Rows] = {}
    for row in row_files.read(file):
        found.setdefault((int(row["source_row"]) - 1) // n_each + 1, []).append(row)
    return found


def _judged_on(task: Task, made: MadeDataset, answered: Mapping[int, Rows]) -> Rows:
    """The held-out prompts that have an answer, each with the first that was kept."""
    first = {number: found[:1] for number, found in answered.items()}
    return _needed(task, "held-out", _answered(task, task.held_out, made, first))


def _needed(task: Task, side: str, found: Rows) -> Rows:
    if not found:
        raise StudioError(
            f"No answer to the {side} prompts of “{task.order.dataset_name}” was kept.",
            code="no_answers",
            remedy="Allow longer answers, pick fewer filters, or choose another teacher.",
        )
    return found


def _answered(task: Task, asked: Rows, made: MadeDataset, answered: Mapping[int, Rows]) -> Rows:
    """Each of these rows once for every answer that was kept, with that answer instead of its own."""
    shape, of_answers = registry.shape(task.order.shape), registry.shape(made.shape)
    shape = shape if shape.has_answers else of_answers
    assert of_answers.messages
    found = []
    for row in asked:
        for one in answered.get(int(row["source_row"]), ()):
            turns = of_answers.messages(one)
            said: dict[str, Any] = {shape.answer: turns[-1]["content"]} if shape.answer else {"messages": turns}
            found.append({**(row if shape is not of_answers else one), **said, "source_row": row["source_row"]})
    return found


def _remark(teacher: str, made: MadeDataset, result: Mapping[str, Any], *, learned: bool) -> str:
    """What became of the answers."""
    why = "; ".join(f"{one['count']:,} {one['outcome']}" for one in result["dropped"])
    lost = f"{result['n_dropped']:,} were dropped ({why})" if why else "none was dropped"
    unasked = result["n_too_long"] + result["n_refused"]
    out = f" {unasked:,} prompts could not be asked: they are too long for it, or ask nothing." if unasked else ""
    n_trained, n_asked = made.n_rows - made.n_held_out, result["n_prompts"] - unasked
    used = f"{n_trained:,} answers to training prompts were learned; the {made.n_held_out:,} to held-out ones were not."
    if not learned:
        used = (
            f"None of them was learned: {made.n_held_out:,} to held-out prompts judge the result, and {n_trained:,} to "
            "training prompts say which answer is most frequent."
        )
    return f"“{teacher}” gave {result['n_answers']:,} answers to {n_asked:,} prompts; {lost}.{out} {used}"
