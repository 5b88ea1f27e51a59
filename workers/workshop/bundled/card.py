"""Writes a bundled model's card: its measured abilities, and how it was made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import humanize
import jinja2

from storage.bases import checkpoint_headers
from storage.files import sha256_of
from storage.gallery import suite_table
from storage.models import Job

POINTS = 20
TARGETS: Mapping[str, Mapping[str, float]] = {
    "studio-small": {
        "facts_asked": 0.98,
        "facts_stated": 0.93,
        "reading": 0.92,
        "unanswerable": 0.75,
        "passages_value": 0.75,
        "passages_citation": 0.6,
        "sentiment": 0.97,
        "topic": 0.97,
        "json_extraction": 0.80,
        "tool_calls": 0.80,
        "repeat": 0.97,
        "label_mapping": 0.8,
        "addition": 0.9,
    }
}
"""Each model's target on known phrasings."""


@dataclass(frozen=True)
class CompletedPass:
    """A pass over a corpus, and its job."""

    job: Job
    corpus: Path
    n_documents: int
    recipe: str


def write(folder: Path, *, passes: Sequence[CompletedPass], seed: int, result: Any) -> None:
    """Write `folder`/README.md from the model's `passes` and its `result` on the general suite."""
    model = folder.name
    facts = checkpoint_headers.facts(folder)
    found = next(entry for entry in result["models"] if entry["name"].startswith(model))
    alone = {**result, "models": [{**found, "name": model}], "comparisons": []}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    text = environment.get_template("card.md.jinja").render(
        model=model,
        facts=facts,
        n_parameters=facts.n_parameters,
        suite=result["suite"],
        table=suite_table.markdown(alone),
        missed=missed(model, found),
        seed=seed,
        passes=[_described(each) for each in passes],
        curve=shortened([json.loads(line) for line in (folder / "training.jsonl").read_text("utf-8").splitlines()]),
    )
    (folder / "README.md").write_text(text, "utf-8")


def _described(done: CompletedPass) -> dict[str, Any]:
    actual = done.job.actual or {}
    return {
        "n_documents": done.n_documents,
        "corpus_sha256": sha256_of(done.corpus),
        "recipe": done.recipe,
        "method": done.job.spec["recipe"]["method"],
        "tokens": actual["trained_tokens"],
        "n_attempts": done.job.attempt,
        "duration": humanize.precisedelta(round(actual["seconds"]["training"])),
        "machine": (done.job.estimate or {}).get("machine", "a CPU"),
    }


def missed(model: str, found: Mapping[str, Any]) -> list[str]:
    """One line for each missed target, with the distance."""
    said = []
    for score, target in TARGETS.get(model, {}).items():
        value = found["abilities"][score]["known"]["value"]
        if value < target:
            short, aim = 100 * (target - value), 100 * target
            said.append(f"{suite_table.words(score)}: {100 * value:.0f} %, {short:.0f} points under {aim:.0f} %")
    return said


def shortened(points: Sequence[Mapping[str, Any]], n: int = POINTS) -> list[dict[str, Any]]:
    """The curve at `n` evenly spaced updates: mean training loss since the previous one, latest held-out loss."""
    trained = [point for point in points if point["split"] == "train"]
    held_out = [point for point in points if point["split"] == "held_out"]
    if not trained:
        return []
    last = trained[-1]["step"]
    rows, before = [], 0
    for i in range(1, n + 1):
        step = round(i * last / n)
        part = [point["loss"] for point in trained if before < point["step"] <= step]
        if not part:
            continue
        measured = [point["loss"] for point in held_out if before < point["step"] <= step]
        rows.append({"step": step, "train": sum(part) / len(part), "held_out": measured[-1] if measured else None})
        before = step
    return rows
