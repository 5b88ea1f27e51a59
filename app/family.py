"""`studio models build`: the bundled models, pretrained anew from a seed by the studio's own jobs.

Every step finds what an earlier run has finished: killed at any moment, the same command goes on.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app import family_card
from storage import artifacts, base_models, datasets, events, jobs, training, uploads
from storage.models import Artifact, Job, JobState, User
from storage.programs import program
from storage.settings import settings
from templates import recipe
from templates.errors import NotFound, Problem, StudioError
from templates.world import corpus

RECIPE = "family"
N_DOCUMENTS = 125_000
SEED = 0
HELD_OUT_SHARE = 0.005
MODELS = ("studio-nano", "studio-small")
KNOWN = (*MODELS, "studio-medium")
SHIPPED = ("config.json", "generation_config.json", "model.safetensors")
"""Files of a published model that the product ships; those of the tokenizer come with the untrained one."""
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
CURVE = "training.jsonl"


@dataclass(frozen=True)
class Build:
    """One corpus, and the models that learn from it."""

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

    def corpus(self) -> Path:
        """The corpus' file, written if it is not there."""
        path = self.home / "corpus.jsonl"
        if not path.exists():
            self.home.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(".draft")
            corpus.write(draft, n_documents=self.n_documents, seed=self.seed)
            draft.replace(path)
        return path

    def dataset(self) -> str:
        """The corpus as a dataset."""
        try:
            return datasets.get(self.user, self.key).name
        except NotFound:
            self.note("the corpus becomes a dataset")
        with self.corpus().open("rb") as stream:
            upload = uploads.save(self.user, "corpus.jsonl", stream)
        added = datasets.add(self.user, upload, name=self.key, shape="text", held_out_share=HELD_OUT_SHARE)
        return added.name

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

    def submit(self, model: str, **changed: Any) -> Job:
        """The job that pretrains `model`: the same one however often this is asked. `changed` are settings."""
        asked = recipe.read_toml(recipe.named()[RECIPE], RECIPE)
        asked["settings"] |= changed
        base = base_models.get(self.user, self.untrained(model))
        data = datasets.get(self.user, self.dataset())
        key = f"family:{model}:{self.key}:{json.dumps(changed, sort_keys=True)}"
        made = recipe.compose(**asked, facts=base_models.facts(base))
        wanted = {"recipe": made.model_dump(mode="json")}, base.id, data.id
        found = jobs.with_key(self.user, key)
        if found and (found.spec, found.base_model_id, found.dataset_id) == wanted:
            return found  # a plan would measure every document of the corpus again, for minutes
        plan = training.plan(self.user, base=base.name, dataset=data.name, **asked)
        return training.submit(self.user, plan, name=f"{model}-{self.n_documents}-{self.seed}", idem_key=key)

    def place(self, model: str, job: Job, to: Path) -> Path:
        """Copy the published model to `to`/`model`, with the curve of its training. Raises for a failed job."""
        if job.state != JobState.SUCCEEDED or job.artifact_id is None:
            raise StudioError(f"{model}: {job.error or job.state}", code="build_failed", remedy=job.remedy)
        published = artifacts.get(self.user, job.artifact_id)
        folder = to / model
        folder.mkdir(parents=True, exist_ok=True)
        _copy(published, base_models.folder(base_models.get(self.user, self.untrained(model))), folder)
        (folder / CURVE).write_text("".join(f"{json.dumps(point)}\n" for point in curve(job)), "utf-8")
        return folder

    def describe(self, folder: Path, job: Job, result: Any) -> None:
        """Write the model's card from `result`, an evaluation on the general suite."""
        family_card.write(
            folder,
            job=job,
            corpus=self.corpus(),
            n_documents=self.n_documents,
            seed=self.seed,
            recipe=RECIPE,
            result=result,
        )


def _copy(published: Artifact, untrained: Path, folder: Path) -> None:
    for name in SHIPPED:
        shutil.copyfile(artifacts.folder(published) / name, folder / name)
    for name in TOKENIZER:
        shutil.copyfile(untrained / name, folder / name)


def curve(job: Job) -> list[dict[str, Any]]:
    """Every point of the job's chart: step, split, loss in nats per learned token, and its learning rate."""
    return [
        {"step": point.step, "split": point.split, "loss": round(point.loss, 4)} for point in events.metrics(job.id)
    ]


def unknown(name: str) -> Problem:
    """What to say of a model that is not of the family."""
    return Problem(f"“{name}” is not a bundled model.", field="NAME", remedy=f"Known: {', '.join(KNOWN)}.")
