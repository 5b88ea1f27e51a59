"""What `studio bench distill` measures: ways to learn from a teacher, beside plain training on its answers.

The small model, adapted to customer intents, teaches the nano model on messages without labels. Every way gets the same
messages, the teacher's answers to them, and the same number of updates; labels serve to adapt the teacher and to score.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from storage.runs.bootstrap import Interval
from storage.text_tables import aligned, cell
from templates import registry
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
ON_OWN_ANSWERS: Mapping[str, Any] = {"learning_rate": 5e-4, "max_completion_length": MOST_NEW_TOKENS}
"""Half the rate, as these objectives advise: each step's rows are new."""


@dataclass(frozen=True)
class Way:
    """A way to learn from the teacher; each gets the same messages and as many updates."""

    objective: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    method: str = "full"
    copies_teacher: bool = False
    """The student is a copy of some of the teacher's layers, not the nano model."""


SFT = "plain SFT on the teacher's answers"
WAYS: Mapping[str, Way] = {
    SFT: Way("sft"),
    "distill_text": Way("distill_text", {"max_new_tokens": MOST_NEW_TOKENS}),
    "distill_logits, sampling": Way("distill_logits", {"teacher_cache": "sampling"}),
    "distill_logits, top_k": Way("distill_logits", {"teacher_cache": "top_k"}),
    "distill_logits, full": Way("distill_logits", {"teacher_cache": "full"}),
    "distill_features, hidden_states": Way("distill_features", {"features": "hidden_states"}),
    "distill_features, relations": Way("distill_features", {"features": "relations"}),
    "distill_on_policy": Way("distill_on_policy", ON_OWN_ANSWERS),
    "self_distill (no teacher but its answers), LoRA": Way("self_distill", ON_OWN_ANSWERS, method="lora"),
    "plain SFT, half the teacher's layers": Way("sft", method="fewer_layers", copies_teacher=True),
    "distill_logits, half the teacher's layers": Way("distill_logits", method="fewer_layers", copies_teacher=True),
}


def measure(setup: Setup) -> dict[str, Any]:
    """The scores of student and teacher and of every way, what each took, and the pace beside SFT."""
    rows, held_out = intents.split(setup)
    n_labelled = len(rows) // 2
    taught = intents.train(setup, "teacher", rows[:n_labelled], held_out)
    teacher = Teacher(ref=taught.ref, facts=setup.small.facts, license="")
    answered = _answered(setup, taught, rows[n_labelled:])
    found = {}
    for name, way in WAYS.items():
        setup.say(name)
        found[name] = _way(setup, name, way, answered, held_out, teacher)
    before = found[SFT]["before"]
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


def _way(setup: Setup, name: str, way: Way, rows: Rows, held_out: Rows, teacher: Teacher) -> dict[str, Any]:
    began = time.monotonic()
    taught = bool(registry.objective(way.objective).roles)
    made = adapters.train(
        setup,
        re.sub(r"\W+", "-", name),
        objective=way.objective,
        shape="classification",
        rows=rows,
        held_out=held_out,
        settings={**SETTINGS, **way.settings},
        files=setup.small if way.copies_teacher else setup.nano,
        method=way.method,
        teacher=teacher if taught else None,
    )
    verdict, pair = made.verdict, made.verdict.metrics["label_accuracy"]
    comparable = way.objective == "distill_logits"  # elsewhere the distance is one on the student's own answers
    distance = verdict.measures.get("teacher_distance") if comparable else None
    kept = next((remark for remark in verdict.remarks if remark.startswith("Kept of the teacher")), "")
    return {
        "before": _interval(pair.base),
        "objective": way.objective,
        "method": way.method,
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
