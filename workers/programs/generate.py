"""The program of a `generate` job: a model answers prompts, and the rows become a dataset.

preparing → answering → publishing. It answers prompts in groups of similar length and seals each group's
answers on disk before the next, so that an attempt resumes where the last one was killed. Each group has its
own seed, so the answers don't depend on where that was.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import set_seed

from storage import files
from storage.bases.checkpoint_headers import context_length
from storage.data import row_files
from storage.models import Stage
from storage.rendering.renderer import Renderer
from templates import registry
from templates.errors import BadInput, StudioError
from workers import models
from workers.evaluation.generation import ROWS_AT_ONCE, TOKENS_AT_ONCE, Generated, answers, batches
from workers.evaluation.progress import Channel
from workers.orders.generate import GenerationOrder
from workers.protocol import Advanced, Done, Entered, MadeDataset, Planned

ROWS_FILE = "rows.parquet"
SHOWN_ROWS = 20
SEEDS = 2**32


@dataclass(frozen=True)
class Prompt:
    """The prompt of one row."""

    row: Mapping[str, Any]
    turns: list[dict[str, Any]]
    """The turns; the last one is for the model to answer."""
    ids: list[int]


@dataclass(frozen=True)
class Left:
    """Numbers of the rows missing from the dataset, by reason."""

    too_long: list[int]
    refused: list[int]
    """The row has no question, or it can't be rendered for the model."""
    reasons: list[str] = field(default_factory=list)
    """Why the refused rows with a question can't be rendered."""


def run(order: GenerationOrder, channel: Channel) -> Done:
    """Answer the order's prompts. Raises `Interrupted` if the worker no longer wants the result."""
    torch.set_num_threads(order.threads)
    started = time.monotonic()
    channel.send(Entered(stage=Stage.PREPARING))
    renderer = Renderer(Path(order.model.base_folder)).instructed(order.instruction)
    prompts, left = read(order, renderer)
    channel.send(Entered(stage="answering"))
    given = _answer_all(order, renderer, prompts, channel)
    channel.send(Entered(stage=Stage.PUBLISHING))
    made, result = _stage(order, prompts, left, given)
    seconds = round(time.monotonic() - started, 3)
    return Done(result=result, actual={"seconds": {"answering": seconds}}, made=made)


def read(order: GenerationOrder, renderer: Renderer) -> tuple[list[Prompt], Left]:
    """Every answerable prompt, and the rows of the others. Raises `StudioError` if there is none."""
    context = context_length(Path(order.model.base_folder))
    shape, found, left = registry.shape(order.shape), list[Prompt](), Left([], [])
    for row in row_files.read(Path(order.dataset_file)):
        turns = shape.messages(row) if shape.messages else []
        while turns and turns[-1]["role"] == "assistant":
            turns = turns[:-1]
        try:
            ids = renderer.prompt(turns, shape.tools(row)) if turns else []
        except BadInput as error:
            ids = []
            left.reasons.append(error.problems[0].message)
        if not ids:
            left.refused.append(row["source_row"])
        elif len(ids) + order.params.max_new_tokens > context:
            left.too_long.append(row["source_row"])
        else:
            found.append(Prompt(row, turns, ids))
    if not found:
        why = [f"{len(left.too_long):,} leave no room for an answer in the model's {context:,} tokens"]
        why += [f"{len(left.refused):,} can't be rendered for it, {_first(left)}"] if left.refused else []
        raise StudioError(
            f"None of the {len(left.refused) + len(left.too_long):,} prompts of “{order.dataset_name}” can be "
            f"answered: {'; '.join(why)}.",
            code="no_prompts",
            remedy="Allow shorter answers (max_new_tokens), or choose another model or other prompts.",
        )
    return found, left


@dataclass(frozen=True)
class Spoken:
    """What the model said to a prompt."""

    text: str
    """The answer, without the reasoning before it."""
    reasoning: str | None
    ended: bool
    """False if the answer was cut off."""
    is_unfinished: bool
    """It was cut off in its reasoning: there is no answer."""


def _answer_all(
    order: GenerationOrder, renderer: Renderer, prompts: Sequence[Prompt], channel: Channel
) -> dict[int, Spoken]:
    """By the prompt's index: what the model said."""
    longest = order.params.max_new_tokens
    groups = list(batches([len(prompt.ids) + longest for prompt in prompts], ROWS_AT_ONCE, TOKENS_AT_ONCE))
    sealed = [_sealed(order, number) for number in range(len(groups))]
    done = {place: spoken for answered in sealed for place, spoken in (answered or {}).items()}
    n_before, started = len(done), time.monotonic()
    channel.send(Planned(start_step=n_before, total_steps=len(prompts)))
    model = None
    for number, group in enumerate(groups):
        if sealed[number] is not None:
            continue
        model = model or models.load(order.model)
        set_seed((order.params.seed + number) % SEEDS)
        found = answers(
            model,
            [prompts[place].ids for place in group],
            eos_ids=renderer.eos_ids,
            max_new_tokens=longest,
            sampling=_sampling(order),
            stopped=_stopped(channel),
        )
        told = {place: _spoken(renderer, one) for place, one in zip(group, found, strict=True)}
        with files.atomic_file(_file(order, number)) as file:
            file.write(json.dumps({place: asdict(spoken) for place, spoken in told.items()}).encode())
        done |= told
        pace = (time.monotonic() - started) / (len(done) - n_before)
        channel.send(Advanced(step=len(done), eta_s=pace * (len(prompts) - len(done))))
    return done


def _stopped(channel: Channel) -> Callable[[], bool]:
    return lambda: channel.abandoned


def _sampling(order: GenerationOrder) -> dict[str, Any] | None:
    if not order.params.temperature:
        return None
    return {"temperature": order.params.temperature, "top_p": order.params.top_p, "top_k": 0}


def _file(order: GenerationOrder, group: int) -> Path:
    return Path(order.checkpoints) / f"answers-{group:06}.json"


def _sealed(order: GenerationOrder, group: int) -> dict[int, Spoken] | None:
    """The answers of an earlier attempt; None if it didn't get this far."""
    file = _file(order, group)
    if not file.is_file():
        return None
    return {int(place): Spoken(**spoken) for place, spoken in json.loads(file.read_bytes()).items()}


def _spoken(renderer: Renderer, given: Generated) -> Spoken:
    said = renderer.read(given.ids)
    return Spoken(said.answer, said.reasoning, given.ended or said.has_ended, said.is_unfinished)


@dataclass(frozen=True)
class Answered:
    """A prompt with its answer."""

    prompt: Prompt
    said: Spoken

    @property
    def number(self) -> int:
        """The number of the prompt's row."""
        return int(self.prompt.row["source_row"])


def _stage(
    order: GenerationOrder, prompts: Sequence[Prompt], left: Left, given: Mapping[int, Spoken]
) -> tuple[MadeDataset, dict[str, Any]]:
    """Write and seal the rows; returns the dataset and the job's result."""
    answered = [Answered(prompt, given[place]) for place, prompt in enumerate(prompts)]
    kept = [one for one in answered if one.said.text]
    empty = [one.number for one in answered if not one.said.text and not one.said.is_unfinished]
    unfinished = [one.number for one in answered if one.said.is_unfinished]
    cut = [one.number for one in kept if not one.said.ended]
    if not kept:
        raise StudioError(
            f"All {len(prompts):,} answers from “{order.model.name}” are empty"
            + (f"; {len(unfinished):,} were cut off in the model's reasoning." if unfinished else "."),
            code="no_answers",
            remedy="Allow longer answers, choose another model, or a higher temperature.",
        )
    remarks = _remarks(order, kept, empty, unfinished, left)
    made = _written(order, kept, remarks)
    n_asked = len(prompts) + len(left.too_long) + len(left.refused)
    said = [f"{len(kept):,} of {n_asked:,} prompts were answered"]
    said += [f"{one['count']:,} {one['message']}" for one in remarks]
    result = {
        "sentence": f"{'; '.join(said)}.",
        "n_prompts": n_asked,
        "n_rows": len(kept),
        "n_cut_off": len(cut),
        "n_empty": len(empty),
        "n_unfinished": len(unfinished),
        "n_too_long": len(left.too_long),
        "n_refused": len(left.refused),
        "model": order.model.model_dump(include={"name", "base_revision", "weights_sha256"}),
        "instruction": order.instruction,
        "prompts": {"name": order.dataset_name, "sha256": order.dataset_sha256},
        "params": order.params.model_dump(mode="json"),
    }
    return made, result


def _remarks(
    order: GenerationOrder, kept: Sequence[Answered], empty: list[int], unfinished: list[int], left: Left
) -> list[dict[str, Any]]:
    """Remarks for readers of the dataset; only those that apply."""
    cut = [one.number for one in kept if not one.said.ended]
    has_place = _shape([one.prompt for one in kept]) == "messages"
    reasoned = [one.number for one in kept if one.said.reasoning and not has_place]
    all_ = [
        _remark("answers came with reasoning, which is left out because this row shape has no place for it", reasoned),
        _remark("answers were cut off in the model's reasoning and are left out", unfinished),
        _remark(f"answers were cut off after {order.params.max_new_tokens:,} tokens; they are in the dataset", cut),
        _remark("answers were empty and are left out", empty),
        _remark("prompts leave no room for an answer in the model's context and are left out", left.too_long),
        _remark(f"prompts can't be rendered for this model and are left out, {_first(left)}", left.refused),
    ]
    return [one for one in all_ if one["count"]]


def _first(left: Left) -> str:
    """Why the first refused prompt can't be rendered."""
    return f"the first because {next(iter(left.reasons), 'it asks nothing').rstrip('.')}"


def _written(order: GenerationOrder, kept: Sequence[Answered], remarks: Sequence[dict[str, Any]]) -> MadeDataset:
    shape = _shape([one.prompt for one in kept])
    declared, folder = registry.shape(shape), Path(order.staging)
    rows = [(one.number, _row(shape, one.prompt, one.said)) for one in kept]
    held_out = [bool(one.prompt.row["held_out"]) for one in kept]
    row_files.write(folder / ROWS_FILE, declared, row_files.batches(declared, rows), held_out)
    return MadeDataset(
        manifest_sha256=files.seal(folder),
        file=ROWS_FILE,
        source=f"answers of {order.model.name} to {order.dataset_name}",
        shape=shape,
        n_rows=len(kept),
        n_held_out=sum(held_out),
        split_seed=order.split_seed,
        instruction=order.instruction,
        remarks=tuple(remarks),
    )


def _remark(message: str, rows: Sequence[int]) -> dict[str, Any]:
    return {"message": message, "count": len(rows), "rows": list(rows[:SHOWN_ROWS])}


def _shape(prompts: Sequence[Prompt]) -> str:
    """Prompt and answer where every prompt is one question, else conversations."""
    questions = (["user"], ["system", "user"])
    plain = all(
        [turn["role"] for turn in prompt.turns] in questions and not prompt.row.get("tools") for prompt in prompts
    )
    return "prompt_completion" if plain else "messages"


def _row(shape: str, prompt: Prompt, said: Spoken) -> dict[str, Any]:
    if shape == "messages":
        thought = {"reasoning_content": said.reasoning} if said.reasoning else {}
        turns = [*prompt.turns, {"role": "assistant", "content": said.text, **thought}]
        return {"messages": turns, "tools": prompt.row.get("tools")}
    system = prompt.turns[0]["content"] if len(prompt.turns) > 1 else None
    return {"system": system, "prompt": prompt.turns[-1]["content"], "completion": said.text}
