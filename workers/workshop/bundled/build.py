"""Pretrains the bundled models again from a seed, with the studio's own jobs.

Every step finds the results of earlier runs, so a killed build resumes when the command is repeated.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage import job_inputs
from storage.bases import base_models
from storage.data import datasets, splits, uploads
from storage.gallery import artifacts
from storage.jobs import events, jobs, waiting
from storage.models import Artifact, Job, JobState, User
from storage.planning import evaluations, training
from storage.settings import settings
from templates import recipe
from templates.errors import NotFound, Problem, StudioError, refuse
from workers.workshop.bundled import card, held_out
from workers.workshop.world import corpus

N_DOCUMENTS = 125_000
SEED = 0
SHIPPED = ("config.json", "generation_config.json", "model.safetensors")
"""Files of a published model that the product ships; the tokenizer's come from the untrained model."""
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
CURVE = "training.jsonl"


@dataclass(frozen=True)
class TrainingPass:
    """One pass over one corpus of the small world."""

    recipe: str
    corpus: str
    """Name of its file, and suffix of its dataset's name."""
    share: float
    """Share of the build's documents."""


FIRST = TrainingPass("family", "corpus", 1.0)
SECOND = TrainingPass("family_second", "second", 0.36)
THIRD = TrainingPass("family_third", "third", 0.16)
PASSES: Mapping[str, tuple[TrainingPass, ...]] = {
    "studio-nano": (FIRST,),
    "studio-small": (FIRST, SECOND, THIRD),
    "studio-medium": (FIRST, SECOND, THIRD),
}
"""Each model's passes, in order: the student takes one, its teacher more."""
DEFAULT = ("studio-nano", "studio-small")
"""The names of the shipped models."""


@dataclass(frozen=True)
class Build:
    """The corpora from one seed, and the models that learn from them."""

    user: User
    n_documents: int = N_DOCUMENTS
    seed: int = SEED
    note: Callable[[str], None] = print

    @property
    def key(self) -> str:
        """Prefix of all names for this corpus."""
        return f"small-world-{self.n_documents}-{self.seed}"

    @property
    def home(self) -> Path:
        """The folder of the corpora and untrained models."""
        return settings().root / "family" / self.key

    def n_documents_of(self, training_pass: TrainingPass) -> int:
        """Documents of its corpus."""
        return max(1, round(training_pass.share * self.n_documents))

    def corpus(self, training_pass: TrainingPass = FIRST) -> Path:
        """The corpus file; written if missing."""
        path = self.home / f"{training_pass.corpus}.jsonl"
        if not path.exists():
            self.home.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(".draft")
            later = None if training_pass is FIRST else training_pass.corpus
            corpus.write(draft, n_documents=self.n_documents_of(training_pass), seed=self.seed, later=later)
            draft.replace(path)
        return path

    def dataset(self, training_pass: TrainingPass = FIRST) -> str:
        """The name of the corpus's dataset; added if missing."""
        name = self.key if training_pass is FIRST else f"{self.key}-{training_pass.corpus}"
        try:
            return datasets.get(self.user, name).name
        except NotFound:
            self.note(f"{name}: adding the corpus as a dataset")
        path = self.corpus(training_pass)
        with path.open("rb") as stream:
            upload = uploads.save(self.user, path.name, stream)
        split = splits.Split(sides=held_out.sides(path))
        return datasets.add(self.user, upload, name=name, shape="text", split=split).name

    def untrained(self, model: str) -> str:
        """The name of the untrained base model; added if missing."""
        name = f"{model}-untrained-{self.n_documents}-{self.seed}"
        try:
            return base_models.get(self.user, name).name
        except NotFound:
            self.note(f"{model}: learning the tokenizer, drawing random weights")
        from workers.workshop.bundled import untrained  # needed late: torch takes seconds to import

        folder = self.home / model
        untrained.make(model, self.corpus(), folder)
        return base_models.add(self.user, name, str(folder), license="Apache-2.0").name

    def base_after(self, model: str, done: Sequence[Job]) -> str:
        """The name of the base model after the passes `done`. Raises `StudioError` for a failed job."""
        if not done:
            return self.untrained(model)
        name = f"{self._called(model, len(done))}-base"
        try:
            return base_models.get(self.user, name).name
        except NotFound:
            folder = artifacts.folder(_published(self.user, model, done[-1]))
        return base_models.add(self.user, name, str(folder), license="Apache-2.0").name

    def submit(self, model: str, done: Sequence[Job] = (), **changed: Any) -> Job:
        """The job of `model`'s next pass after those `done`; repeated calls return the same job.

        `changed` overrides settings of its recipe.
        """
        training_pass = PASSES[model][len(done)]
        asked = recipe.read_toml(recipe.named()[training_pass.recipe], training_pass.recipe)
        asked["settings"] |= changed
        base = base_models.get(self.user, self.base_after(model, done))
        data = datasets.get(self.user, self.dataset(training_pass))
        key = f"{training_pass.recipe}:{model}:{self.key}:{json.dumps(changed, sort_keys=True)}"
        made = recipe.compose(**asked, facts=base_models.facts(base))
        found = jobs.with_key(self.user, key)
        if found and found.spec == {"recipe": made.model_dump(mode="json")} and _uses(found, base.id, data.id):
            return found  # a plan would measure every document of the corpus again, for minutes
        plan = training.plan(self.user, base=base.name, dataset=data.name, **asked)
        return training.submit(self.user, plan, name=self._called(model, 1 + len(done)), idem_key=key)

    def ended(self, job: Job) -> Job:
        """Wait for the job, and report its progress."""
        return waiting.ended(self.user, job, self.note, _progress)

    def _called(self, model: str, n_passes: int) -> str:
        whole = f"{model}-{self.n_documents}-{self.seed}"
        return whole if n_passes == len(PASSES[model]) else f"{whole}-{n_passes}"

    def place(self, model: str, done: Sequence[Job], to: Path) -> Path:
        """Copy the last pass's result to `to`/`model`, with the curve of all passes.

        Raises `StudioError` for a failed job.
        """
        published = _published(self.user, model, done[-1])
        folder = to / model
        folder.mkdir(parents=True, exist_ok=True)
        _copy(published, base_models.folder(base_models.get(self.user, self.untrained(model))), folder)
        (folder / CURVE).write_text("".join(f"{json.dumps(point)}\n" for point in curve(done)), "utf-8")
        return folder

    def describe(self, folder: Path, done: Sequence[Job], result: Any) -> None:
        """Write the model's card from `result`, an evaluation on the general suite."""
        passes = [
            card.CompletedPass(job, self.corpus(each), self.n_documents_of(each), each.recipe)
            for job, each in zip(done, PASSES[folder.name], strict=True)
        ]
        card.write(folder, passes=passes, seed=self.seed, result=result)


def build(making: Build, names: Sequence[str], to: Path) -> dict[str, str]:
    """Train, copy and describe the models `names`; returns the folder of each.

    Raises `StudioError` for a failed job.
    """
    done: dict[str, list[Job]] = {name: [] for name in names}
    while going := [name for name in names if len(done[name]) < len(PASSES[name])]:
        submitted = {name: making.submit(name, done[name]) for name in going}
        for name, job in submitted.items():
            done[name].append(making.ended(job))
    folders = {name: making.place(name, passes, to) for name, passes in done.items()}
    scoring = evaluations.submit(
        making.user,
        models=[str(passes[-1].artifact_id) for passes in done.values()],
        suite="general",
        idem_key=f"family:{sorted(folders)}:{making.key}",
    )
    result = making.ended(scoring).result
    for name, folder in folders.items():
        making.describe(folder, done[name], result)
    return {name: str(folder) for name, folder in folders.items()}


def check(names: Sequence[str]) -> None:
    """Raise `BadInput` for all `names` that are not bundled models."""
    known = f"Known: {', '.join(PASSES)}."
    refuse(
        [
            Problem(f"“{name}” is not a bundled model.", field="NAME", remedy=known)
            for name in names
            if name not in PASSES
        ]
    )


def _progress(job: Job) -> str:
    step = f", step {job.step} of {job.total_steps}" if job.total_steps else ""
    return f"{job.name}: {job.stage or job.state.lower()}{step}"


def _uses(job: Job, *ids: str) -> bool:
    return {used.thing.id for used in job_inputs.of_job(job.id)} == set(ids)


def _published(user: User, model: str, job: Job) -> Artifact:
    if job.state != JobState.SUCCEEDED or job.artifact_id is None:
        raise StudioError(f"{model}: {job.error or job.state}", code="build_failed", remedy=job.remedy)
    return artifacts.get(user, job.artifact_id)


def _copy(published: Artifact, untrained: Path, folder: Path) -> None:
    for name in SHIPPED:
        shutil.copyfile(artifacts.folder(published) / name, folder / name)
    for name in TOKENIZER:
        shutil.copyfile(untrained / name, folder / name)


def curve(done: Sequence[Job]) -> list[dict[str, Any]]:
    """Every point of the jobs' charts: step across all jobs, split, and loss in nats per learned token."""
    points, before = [], 0
    for job in done:
        measured = events.metrics(job.id)
        points += [
            {"step": before + point.step, "split": point.split, "loss": round(point.loss, 4)}
            for point in measured
            if point.loss is not None
        ]
        before += max((point.step for point in measured), default=0)
    return points
