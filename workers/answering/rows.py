"""Makes a dataset of answered prompts: filters the answers, writes the rows, and keeps what was dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage import files
from storage.data import row_files
from storage.data.answers import dropped, filtering
from storage.data.answers.answer_filter import Answer, filters
from storage.data.answers.dropped import DroppedAnswer
from storage.data.answers.filtering import Drop
from templates import registry
from templates.errors import StudioError
from workers.answering.prompts import Left, Prompt
from workers.answering.spoken import Spoken
from workers.orders.generate import GenerationOrder
from workers.protocol import MadeDataset

ROWS_FILE = "rows.parquet"
DROPPED_FILE = "dropped.jsonl"
SHOWN_ROWS = 20


@dataclass(frozen=True)
class Answered:
    """A prompt with one answer."""

    prompt: Prompt
    said: Spoken
    number: int
    """Its row's number in the dataset: the prompt's own if each prompt has one answer, else counted on from it."""


def stage(
    order: GenerationOrder, prompts: Sequence[Prompt], left: Left, given: Mapping[int, Spoken]
) -> tuple[MadeDataset, dict[str, Any]]:
    """Write and seal the rows; returns the dataset and the job's result. Raises `StudioError` if none is left."""
    n = order.params.num_return_sequences
    answered = [
        Answered(prompts[key // n], given[key], (prompts[key // n].row_number - 1) * n + key % n + 1)
        for key in range(len(prompts) * n)
    ]
    drops = _judged(order, answered)
    kept = [one for one in answered if one.number not in drops]
    if not kept:
        raise _nothing_left(order, answered, drops)
    shape = _shape(prompts)
    remarks = _remarks(order, shape, kept, drops, left)
    made = _written(order, shape, answered, drops, remarks)
    n_asked = len(prompts) + len(left.too_long) + len(left.refused)
    counts = Counter(drop.filter for drop in drops.values())
    said = [_sentence(order, len(kept), len(answered), n_asked)]
    said += [f"{one['count']:,} {one['message']}" for one in remarks]
    result = {
        "sentence": f"{'; '.join(said)}.",
        "n_prompts": n_asked,
        "n_answers": len(answered),
        "n_rows": len(kept),
        "n_cut_off": sum(not one.said.ended for one in kept),
        "n_empty": counts["empty"],
        "n_unfinished": counts["unfinished"],
        "n_too_long": len(left.too_long),
        "n_refused": len(left.refused),
        "n_dropped": len(drops),
        "dropped": [
            {"filter": key, "outcome": filtering.outcome(key), "count": count} for key, count in counts.most_common()
        ],
        "filters": order.filters,
        "teacher": order.teacher,
        "instruction": order.instruction,
        "prompts": {"name": order.dataset_name, "sha256": order.dataset_sha256},
        "params": order.params.model_dump(mode="json"),
    }
    return made, result


def _judged(order: GenerationOrder, answered: Sequence[Answered]) -> dict[int, Drop]:
    """What is dropped, by the row's number."""
    already = {one.number: drop for one in answered if (drop := _without_text(one.said))}
    seen = [
        Answer(
            number=one.number,
            prompt_row=one.prompt.row_number,
            prompt=one.prompt.text,
            text=one.said.text,
            expected=one.prompt.expected,
            ended=one.said.ended,
        )
        for one in answered
    ]
    return filtering.judged(seen, order.filters, already)


def _without_text(said: Spoken) -> Drop | None:
    if said.failure:
        return Drop("failed", said.failure)
    if said.is_unfinished:
        return Drop("unfinished", "The answer was cut off before its reasoning ended.")
    return None if said.text else Drop("empty", "The teacher said nothing.")


def _sentence(order: GenerationOrder, n_kept: int, n_answers: int, n_asked: int) -> str:
    if order.params.num_return_sequences == 1 and not order.filters:
        return f"{n_kept:,} of {n_asked:,} prompts were answered"
    return f"{n_kept:,} of {n_answers:,} answers to {n_asked:,} prompts were kept"


def _nothing_left(order: GenerationOrder, answered: Sequence[Answered], drops: Mapping[int, Drop]) -> StudioError:
    counts = Counter(drop.filter for drop in drops.values())
    if set(counts) <= set(filtering.OUTCOMES):
        unfinished = (
            f"; {counts['unfinished']:,} were cut off in the model's reasoning." if counts["unfinished"] else "."
        )
        failure = next((one.said.failure for one in answered if one.said.failure), "")
        return StudioError(
            f"All {len(answered):,} answers from “{order.teacher['name']}” are empty{unfinished}"
            + (f" The first: {failure}" if failure else ""),
            code="no_answers",
            remedy="Allow longer answers, choose another model, or a higher temperature.",
        )
    why = "; ".join(f"{count:,} {filtering.outcome(key)}" for key, count in counts.most_common())
    first = next(iter(drops.values()))
    return StudioError(
        f"The filters dropped all {len(answered):,} answers from “{order.teacher['name']}”: {why}. "
        f"The first: {first.reason}",
        code="all_dropped",
        remedy="Allow longer answers, pick fewer filters, other settings of them, or another teacher.",
    )


def _remarks(
    order: GenerationOrder, shape: str, kept: Sequence[Answered], drops: Mapping[int, Drop], left: Left
) -> list[dict[str, Any]]:
    """Remarks for readers of the dataset; only those that apply."""
    reasoned = [one.number for one in kept if one.said.reasoning and shape != "messages"]
    by_filter: dict[str, list[int]] = {key: [] for key in (*filtering.OUTCOMES, *filters())}
    for number, drop in drops.items():
        by_filter[drop.filter].append(number)
    cut = [one.number for one in kept if not one.said.ended]
    all_ = [
        _remark("answers came with reasoning, which is left out because this row shape has no place for it", reasoned),
        _remark(f"answers were cut off after {order.params.max_new_tokens:,} tokens; they are in the dataset", cut),
        *(_remark(f"answers {filtering.outcome(key)} and are left out", rows) for key, rows in by_filter.items()),
        _remark("prompts leave no room for an answer in the model's context and are left out", left.too_long),
        _remark(f"prompts can't be rendered for this model and are left out, {left.first}", left.refused),
    ]
    return [one for one in all_ if one["count"]]


def _remark(message: str, rows: Sequence[int]) -> dict[str, Any]:
    return {"message": message, "count": len(rows), "rows": list(rows[:SHOWN_ROWS])}


def _written(
    order: GenerationOrder,
    shape: str,
    answered: Sequence[Answered],
    drops: Mapping[int, Drop],
    remarks: Sequence[dict[str, Any]],
) -> MadeDataset:
    kept = [one for one in answered if one.number not in drops]
    declared, folder = registry.shape(shape), Path(order.staging)
    rows = [(one.number, _row(shape, one.prompt, one.said)) for one in kept]
    held_out = [bool(one.prompt.row["held_out"]) for one in kept]
    row_files.write(folder / ROWS_FILE, declared, row_files.batches(declared, rows), held_out)
    if drops:
        with (folder / DROPPED_FILE).open("wb") as file:
            dropped.write(file, (_dropped(shape, one, drops[one.number]) for one in answered if one.number in drops))
    return MadeDataset(
        manifest_sha256=files.seal(folder),
        file=ROWS_FILE,
        dropped_file=DROPPED_FILE if drops else "",
        teacher=order.teacher,
        source=f"answers of {order.teacher['name']} to {order.dataset_name}",
        shape=shape,
        n_rows=len(kept),
        n_held_out=sum(held_out),
        split_seed=order.split_seed,
        instruction=order.instruction,
        remarks=tuple(remarks),
    )


def _dropped(shape: str, one: Answered, drop: Drop) -> DroppedAnswer:
    return DroppedAnswer(
        number=one.number,
        prompt_row=one.prompt.row_number,
        filter=drop.filter,
        reason=drop.reason,
        held_out=bool(one.prompt.row["held_out"]),
        row=_row(shape, one.prompt, one.said),
    )


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
