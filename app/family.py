"""`studio models build`: the bundled models, pretrained anew from a seed by the studio's own jobs.

Every step finds what an earlier run has finished: killed at any moment, the same command goes on.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app import family_card
from storage import job_inputs
from storage.bases import base_models
from storage.data import datasets, splits, uploads
from storage.gallery import artifacts
from storage.jobs import events, jobs
from storage.models import Artifact, Job, JobState, User
from storage.planning import training
from storage.programs import program
from storage.settings import settings
from templates import recipe
from templates.errors import NotFound, Problem, StudioError
from templates.world import corpus

N_DOCUMENTS = 125_000
SEED = 0
HELD_OUT_SHARE, HELD_OUT_SEED = 0.005, 42
MODELS = ("studio-nano", "studio-small")
KNOWN = (*MODELS, "studio-medium")
SHIPPED = ("config.json", "generation_config.json", "model.safetensors")
"""Files of a published model that the product ships; those of the tokenizer come with the untrained one."""
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
CURVE = "training.jsonl"


@dataclass(frozen=True)
class Reading:
    """One pass over one corpus of the small world."""

    recipe: str
    corpus: str
    """Of its file and, after the build's key, its dataset."""
    share: float
    """Of the build's documents."""


FIRST = Reading("family", "corpus", 1.0)
SECOND = Reading("family_second", "second", 0.36)
THIRD = Reading("family_third", "third", 0.16)
READINGS: Mapping[str, tuple[Reading, ...]] = {
    "studio-nano": (FIRST,),
    "studio-small": (FIRST, SECOND, THIRD),
    "studio-medium": (FIRST, SECOND, THIRD),
}
"""What each model reads, one after the other: the student reads once, its teachers go on."""


@dataclass(frozen=True)
class Build:
    """The corpora of one seed, and the models that learn from them."""

    user: User
    n_documents: int = N_DOCUMENTS
    seed: int = SEED
    note: Callable[[str], None] = print

    @property
    def key(self) -> str:
        """Names what belongs to this corpus."""
        return f"small-world-{self.n_documents}-{self.seed}"

    @property
    def home(self) -> Path:
        """Where corpus and untrained models lie."""
        return settings().root / "family" / self.key

    def n_read(self, reading: Reading) -> int:
        """Documents of its corpus."""
        return max(1, round(reading.share * self.n_documents))

    def corpus(self, reading: Reading = FIRST) -> Path:
        """The corpus' file, written if it is not there."""
        path = self.home / f"{reading.corpus}.jsonl"
        if not path.exists():
            self.home.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(".draft")
            later = None if reading is FIRST else reading.corpus
            corpus.write(draft, n_documents=self.n_read(reading), seed=self.seed, later=later)
            draft.replace(path)
        return path

    def dataset(self, reading: Reading = FIRST) -> str:
        """The corpus as a dataset."""
        name = self.key if reading is FIRST else f"{self.key}-{reading.corpus}"
        try:
            return datasets.get(self.user, name).name
        except NotFound:
            self.note(f"{name}: the corpus becomes a dataset")
        path = self.corpus(reading)
        with path.open("rb") as stream:
            upload = uploads.save(self.user, path.name, stream)
        return datasets.add(self.user, upload, name=name, shape="text", split=splits.Split(sides=held_out(path))).name

    def untrained(self, model: str) -> str:
        """The model before its training, as a base model."""
        name = f"{model}-untrained-{self.n_documents}-{self.seed}"
        try:
            return base_models.get(self.user, name).name
        except NotFound:
            self.note(f"{model}: learning the tokenizer, drawing random weights")
        folder = self.home / model
        command = program("workers.family.blank", model, "--corpus", str(self.corpus()), "--to", str(folder))
        subprocess.run(command, check=True, stdout=sys.stderr)
        return base_models.add(self.user, name, str(folder), license="Apache-2.0").name

    def read_so_far(self, model: str, readings: Sequence[Job]) -> str:
        """What `readings` made of `model`, as a base model for the next one. Raises for a failed job."""
        name = f"{self._called(model, len(readings))}-base"
        try:
            return base_models.get(self.user, name).name
        except NotFound:
            folder = artifacts.folder(_published(self.user, model, readings[-1]))
        return base_models.add(self.user, name, str(folder), license="Apache-2.0").name

    def submit(self, model: str, after: Sequence[Job] = (), **changed: Any) -> Job:
        """The job of `model`'s next reading: the same one however often this is asked.

        `after` are its earlier readings, `changed` are settings.
        """
        reading = READINGS[model][len(after)]
        asked = recipe.read_toml(recipe.named()[reading.recipe], reading.recipe)
        asked["settings"] |= changed
        base = base_models.get(self.user, self.read_so_far(model, after) if after else self.untrained(model))
        data = datasets.get(self.user, self.dataset(reading))
        key = f"{reading.recipe}:{model}:{self.key}:{json.dumps(changed, sort_keys=True)}"
        made = recipe.compose(**asked, facts=base_models.facts(base))
        found = jobs.with_key(self.user, key)
        if found and found.spec == {"recipe": made.model_dump(mode="json")} and _uses(found, base.id, data.id):
            return found  # a plan would measure every document of the corpus again, for minutes
        plan = training.plan(self.user, base=base.name, dataset=data.name, **asked)
        return training.submit(self.user, plan, name=self._called(model, 1 + len(after)), idem_key=key)

    def _called(self, model: str, n_readings: int) -> str:
        whole = f"{model}-{self.n_documents}-{self.seed}"
        return whole if n_readings == len(READINGS[model]) else f"{whole}-{n_readings}"

    def place(self, model: str, readings: Sequence[Job], to: Path) -> Path:
        """Copy what the last of `readings` published to `to`/`model`, with the curve of them all.

        Raises for a failed job.
        """
        published = _published(self.user, model, readings[-1])
        folder = to / model
        folder.mkdir(parents=True, exist_ok=True)
        _copy(published, base_models.folder(base_models.get(self.user, self.untrained(model))), folder)
        (folder / CURVE).write_text("".join(f"{json.dumps(point)}\n" for point in curve(readings)), "utf-8")
        return folder

    def describe(self, folder: Path, readings: Sequence[Job], result: Any) -> None:
        """Write the model's card from `result`, an evaluation on the general suite."""
        read = [
            family_card.Read(job, self.corpus(reading), self.n_read(reading), reading.recipe)
            for job, reading in zip(readings, READINGS[folder.name], strict=True)
        ]
        family_card.write(folder, read=read, seed=self.seed, result=result)


def _uses(job: Job, *ids: str) -> bool:
    return {used.thing.id for used in job_inputs.of_job(job.id)} == set(ids)


def _published(user: User, model: str, job: Job) -> Artifact:
    if job.state != JobState.SUCCEEDED or job.artifact_id is None:
        raise StudioError(f"{model}: {job.error or job.state}", code="build_failed", remedy=job.remedy)
    return artifacts.get(user, job.artifact_id)


def held_out(corpus: Path) -> list[bool]:
    """Which documents are held out, drawn by their content.

    Not as the studio draws rows: a corpus is learned from as it was when the shipped models were made,
    so that their curves can be followed, however rows are drawn by then.
    """
    lots = []
    with corpus.open(encoding="utf-8") as lines:
        for line in lines:
            content = json.dumps(json.loads(line), sort_keys=True, ensure_ascii=False).encode()
            print_ = hashlib.blake2b(content, digest_size=16).digest()
            lots.append(hashlib.blake2b(HELD_OUT_SEED.to_bytes(8) + print_, digest_size=16).digest())
    drawn = sorted(range(len(lots)), key=lambda i: (lots[i], i))
    chosen = set(drawn[: splits.n_held_out(len(lots), HELD_OUT_SHARE)])
    return [i in chosen for i in range(len(lots))]


def _copy(published: Artifact, untrained: Path, folder: Path) -> None:
    for name in SHIPPED:
        shutil.copyfile(artifacts.folder(published) / name, folder / name)
    for name in TOKENIZER:
        shutil.copyfile(untrained / name, folder / name)


def curve(readings: Sequence[Job]) -> list[dict[str, Any]]:
    """Every point of the jobs' charts: step counted through, split, and loss in nats per learned token."""
    points, before = [], 0
    for job in readings:
        measured = events.metrics(job.id)
        points += [
            {"step": before + point.step, "split": point.split, "loss": round(point.loss, 4)} for point in measured
        ]
        before += max((point.step for point in measured), default=0)
    return points


def unknown(name: str) -> Problem:
    """What to say of a model that is not of the family."""
    return Problem(f"“{name}” is not a bundled model.", field="NAME", remedy=f"Known: {', '.join(KNOWN)}.")
