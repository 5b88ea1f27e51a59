"""What `studio bench distill` measures: ways to learn from a teacher, beside plain training on its answers.

The small model, adapted to customer intents, teaches the nano model on messages without labels. Every way gets the same
messages, the teacher's answers to them, and the same number of updates; labels serve to adapt the teacher and to score.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from storage.runs.bootstrap import Interval
from storage.text_tables import aligned, cell
from workers.evaluation import generation
from workers.orders.train import Teacher
from workers.workshop.bench import adapters, distilling_pace, intents
from workers.workshop.bench.adapters import Rows, TrainedAdapter
from workers.workshop.bench.setup import Setup

MOST_NEW_TOKENS = 24
SETTINGS: Mapping[str, Any] = {
    "learning_rate": 1e-3,
    "num_train_epochs": 20.0,
    "per_device_train_batch_size": 16,
    "max_length": 128,
    "eval_steps": 0.25,
}
WAYS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "plain SFT on the teacher's answers": ("sft", {}),
    "distill_logits, sampling": ("distill_logits", {"teacher_cache": "sampling"}),
    "distill_logits, top_k": ("distill_logits", {"teacher_cache": "top_k"}),
    "distill_logits, full": ("distill_logits", {"teacher_cache": "full"}),
}


def measure(setup: Setup) -> dict[str, Any]:
    """The scores of student and teacher and of every way, what each took, and the pace beside SFT."""
    rows, held_out = intents.split(setup)
    n_labelled = len(rows) // 2
    taught = intents.train(setup, "teacher", rows[:n_labelled], held_out)
    teacher = Teacher(ref=taught.ref, facts=setup.small.facts, license="")
    answered = _answered(setup, taught, rows[n_labelled:])
    found = {}
    for way, (objective, settings) in WAYS.items():
        setup.say(way)
        found[way] = _way(setup, way, objective, {**SETTINGS, **settings}, answered, held_out, teacher)
    before = next(iter(found.values()))["before"]
    return {
        "student": setup.nano.folder.name,
        "teacher": setup.small.folder.name,
        "seed": setup.seed,
        "rows": len(answered),
        "held_out": len(held_out),
        "before": before,
        "ways": found,
        "score_of_teacher": _interval(taught.verdict.metrics["label_accuracy"].adapted),
        "seconds_of_teacher": sum(taught.actual["seconds"].values()),
        "pace": distilling_pace.beside_sft(setup, answered, teacher),
        "loop": distilling_pace.beside_a_loop(setup),
    }


def _answered(setup: Setup, teacher: TrainedAdapter, rows: Rows) -> list[dict[str, str]]:
    """The rows with the teacher's answer in place of the label."""
    setup.say(f"the teacher answers {len(rows)} messages")
    renderer, shape = setup.small.renderer, "classification"
    asked = [renderer.row(shape, row) for row in rows]
    prompts = [list(one.ids[: next(i for i, learned in enumerate(one.trained) if learned)]) for one in asked]
    given = generation.answers(teacher.load(), prompts, eos_ids=renderer.eos_ids, max_new_tokens=MOST_NEW_TOKENS)
    return [
        {**row, "label": renderer.decode(answer.ids).strip() or row["label"]}
        for row, answer in zip(rows, given, strict=True)
    ]


def _way(
    setup: Setup,
    way: str,
    objective: str,
    settings: Mapping[str, Any],
    rows: Rows,
    held_out: Rows,
    teacher: Teacher,
) -> dict[str, Any]:
    began = time.monotonic()
    made = adapters.train(
        setup,
        way.replace(" ", "-").replace("'", ""),
        objective=objective,
        shape="classification",
        rows=rows,
        held_out=held_out,
        settings=settings,
        files=setup.nano,
        method="full",
        teacher=teacher if objective != "sft" else None,
    )
    verdict, pair = made.verdict, made.verdict.metrics["label_accuracy"]
    distance = verdict.measures.get("teacher_distance")
    kept = next((remark for remark in verdict.remarks if remark.startswith("Kept of the teacher")), "")
    return {
        "before": _interval(pair.base),
        "after": _interval(pair.adapted),
        "kept_lead": _interval(verdict.teacher.kept) if verdict.teacher and verdict.teacher.kept else None,
        "distance": distance.adapted if distance else None,
        "seconds": time.monotonic() - began,
        "seconds_by_stage": made.actual["seconds"],
        "steps": made.actual["steps"],
        "kept": kept,
        "remarks": list(verdict.remarks),
    }


def _interval(found: Interval) -> dict[str, float]:
    return found.model_dump()


def lines(document: Mapping[str, Any]) -> list[str]:
    """The measurements for a terminal."""
    table = [["", "label accuracy", "kept of the lead", "distance", "seconds"]]
    table.append(["student before", cell(document["before"]), "", "", ""])
    for way, one in document["ways"].items():
        lead = cell(one["kept_lead"]) if one["kept_lead"] else ""
        distance = f"{one['distance']:.3f}" if one["distance"] is not None else ""
        table.append([way, cell(one["after"]), lead, distance, f"{one['seconds']:.0f}"])
    table.append(["teacher", cell(document["score_of_teacher"]), "", "", f"{document['seconds_of_teacher']:.0f}"])
    said = [
        f"{document['teacher']}, adapted to customer intents, teaches {document['student']} on {document['rows']} "
        f"messages without labels; {document['held_out']} held out, seed {document['seed']}; brackets: 95 % intervals",
        *aligned(table),
    ]
    said += [f"{way}: {one['kept']}" for way, one in document["ways"].items() if one["kept"]]
    sampled, full = (document["ways"][f"distill_logits, {form}"]["distance"] for form in ("sampling", "full"))
    said.append(f"held-out distance by sampling / by full distributions: {sampled / full:.3f} (wanted: at most 1.05)")
    return [*said, *distilling_pace.lines(document["pace"], document["loop"])]
