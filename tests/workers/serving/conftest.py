"""A chat server in this process, a tiny base model in the studio, and artifacts published on it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import chat_servers
import httpx
import pytest
import torch
from conversations import Heard
from fastapi import FastAPI

from storage import db, files
from storage.bases import checkpoint_headers
from storage.models import Artifact, BaseModelRow, Dataset, Job, JobInput, User, new_id
from storage.settings import secret, settings
from templates import recipe
from workers.programs import train
from workers.protocol import Done, MadeArtifact, Order
from workers.serving.server import make_app

Publish = Callable[..., Artifact]


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def lively_model_folder(tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with weights so strong that its answers vary; with the usual ones it repeats itself."""
    from transformers import AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("lively") / "model"
    shutil.copytree(tiny_model_folder, folder)
    model = AutoModelForCausalLM.from_pretrained(tiny_model_folder)
    torch.manual_seed(1)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "proj" in name:
                weight.normal_(std=0.4)
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def tiny(studio: User, lively_model_folder: Path) -> BaseModelRow:
    """The tiny random model as a base model of the studio."""
    location = "base_models/tiny"
    shutil.copytree(lively_model_folder, settings().files / location)
    row = BaseModelRow(
        owner_id=studio.id,
        name="tiny",
        source="folder",
        origin="tiny",
        revision="0" * 64,
        license="none",
        location=location,
        facts=checkpoint_headers.facts(lively_model_folder).model_dump(mode="json"),
        size_bytes=1,
        created_at=1.0,
    )
    with db.writing() as session:
        session.add(row)
    return row


@pytest.fixture
def publish(studio: User, tiny: BaseModelRow) -> Publish:
    """Publishes an artifact on the tiny model: `publish("a", seed=1, r=4, …)`; keywords are LoRA's."""

    def publish(name: str, *, seed: int = 0, full: bool = False, owner: User = studio, **lora: Any) -> Artifact:
        job_id = new_id()
        location = f"artifacts/{job_id}/1"
        folder = settings().files / location
        (_save_full if full else _save_adapter)(settings().files / tiny.location, folder, seed, **lora)
        weights = "model.safetensors" if full else "adapter_model.safetensors"
        facts = {
            "recipe": recipe.compose("sft", "full" if full else "lora").model_dump(),
            "weights_sha256": files.sha256_of(folder / weights),
            "verdict": {},
        }
        kind, manifest_sha256 = "full_model" if full else "adapter", files.seal(folder)
        return _stored(owner, tiny, name, job_id, location, kind=kind, facts=facts, manifest_sha256=manifest_sha256)

    return publish


@pytest.fixture
def publish_trained(
    studio: User, tiny: BaseModelRow, make_order: Callable[..., Order], heard: Heard
) -> Callable[..., Done]:
    """Trains on the studio's tiny model, and publishes what comes of it."""

    def publish(name: str, **asked: Any) -> Done:
        job_id = new_id()
        location = f"artifacts/{job_id}/1"
        order = make_order(base=settings().files / tiny.location, **asked)
        order = order.model_copy(update={"staging": str(settings().files / location), "name": name})
        done = train.run(order, heard)
        assert isinstance(done, Done)
        assert isinstance(done.made, MadeArtifact)
        _stored(
            studio, tiny, name, job_id, location, **done.made.model_dump(include={"kind", "facts", "manifest_sha256"})
        )
        return done

    return publish


def _stored(owner: User, base: BaseModelRow, name: str, job_id: str, location: str, **made: Any) -> Artifact:
    """The row of an artifact with its ended job, and the base and data that this used."""
    dataset, job = _dataset(owner, f"data-{job_id}"), _ended_job(owner, job_id, name)
    artifact = Artifact(
        owner_id=owner.id, name=name, job_id=job_id, attempt=1, location=location, size_bytes=1, duration_s=1.0,
        created_at=2.0, **made,
    )  # fmt: skip
    with db.writing() as session:
        session.add(dataset)
        session.add(job)
        session.flush()
        session.add(JobInput(job_id=job_id, role="base", base_model_id=base.id))
        session.add(JobInput(job_id=job_id, role="training", dataset_id=dataset.id))
        session.add(artifact)
    return artifact


def _dataset(owner: User, name: str) -> Dataset:
    return Dataset(
        owner_id=owner.id,
        name=name,
        shape="messages",
        source_filename="x.jsonl",
        sha256="0",
        mapping={},
        n_rows=1,
        n_held_out=0,
        split_seed=1,
        created_at=1.0,
    )


def _ended_job(owner: User, job_id: str, name: str) -> Job:
    return Job(
        id=job_id,
        owner_id=owner.id,
        idem_key=job_id,
        name=name,
        kind="train",
        spec={},
        spec_sha256="0",
        state="SUCCEEDED",
        created_at=1.0,
    )


def _save_adapter(base: Path, folder: Path, seed: int, **lora: Any) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    strength = lora.pop("strength", 1.0)
    lora = {"r": 4, "target_modules": "all-linear", **lora}
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), LoraConfig(**lora, task_type="CAUSAL_LM"))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=strength)
    model.save_pretrained(folder)


def _save_full(base: Path, folder: Path, seed: int) -> None:
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(base)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    shutil.copytree(base, folder)
    model.save_pretrained(folder)


@pytest.fixture
def server(studio: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[FastAPI]:
    """A running chat server over the fresh studio."""
    app = make_app()
    with chat_servers.running(app, monkeypatch):
        yield app


@pytest.fixture
def chat(server: FastAPI) -> Iterator[httpx.Client]:
    """A client of the running chat server, with the studio's secret."""
    headers = {"Authorization": f"Bearer {secret('chat')}"}
    with httpx.Client(base_url=settings().chat, headers=headers, timeout=60) as client:
        yield client
