"""Continued pretraining, fine-tuning on top, and the download of both: in bare transformers and PEFT."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch  # noqa: TID253

from app.api import documents
from storage.bases import base_models
from storage.data import datasets, uploads
from storage.gallery import artifacts, downloads
from storage.jobs import jobs
from storage.models import Job, User
from storage.planning import evaluations, training
from tests.contracts.in_process import carried_out, chat, used
from workers.serving import catalogue

SHAKESPEARE = Path(__file__).parents[3] / "shared" / "data" / "tinyshakespeare" / "input.txt"
VERSE = "Now is the winter of our discontent made glorious summer by this sun of York.\n\n"


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)


def add(user: User, name: str, file: str, content: str, **asked: Any) -> None:
    datasets.add(user, uploads.save(user, file, io.BytesIO(content.encode())), name=name, **asked)


@pytest.fixture
def tickets(studio: User) -> None:
    """Short questions with their labels."""
    texts = [("my order came late", "delivery"), ("refund the invoice please", "refund"), ("card lost", "card")]
    lines = [json.dumps({"prompt": f"{text} {i}", "completion": label}) for i in range(12) for text, label in texts]
    add(studio, "tickets", "tickets.jsonl", "\n".join(lines))


def trained(user: User, name: str, base: str, data: str, objective: str, **settings: Any) -> Job:
    plan = training.plan(user, base=base, dataset=data, objective=objective, method="lora", settings=settings)
    job = carried_out(user, training.submit(user, plan, name=name))
    assert job.result
    return job


def follow(
    studio: User, base: str, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch, **settings: Any
) -> tuple[Job, Job]:
    """Both trainings; what was published is scored, chatted with and used by its receiver."""
    read = trained(studio, "reader", base, "verses", "continue_pretraining", **settings)
    told = trained(studio, "teller", "reader", "tickets", "sft", **settings)
    again = carried_out(studio, evaluations.submit(studio, models=["reader", "teller"], dataset="tickets"))
    scored = [model["metrics"]["loss"]["value"] for model in (again.result or {})["models"]]
    judged = (told.result or {})["metrics"]["loss"]
    assert scored == pytest.approx([judged["base"]["value"], judged["adapted"]["value"]], rel=2e-2)
    together, alone = asyncio.run(chat(studio, [base, "reader", "teller"]))
    assert together == alone
    path = downloads.export(studio, "teller", tmp_path / "teller.zip")
    zipfile.ZipFile(path).extractall(tmp_path / "received")
    assert used(tmp_path / "received" / "teller", [], capsys, monkeypatch).startswith(together[2])
    document = documents.of_artifact(artifacts.get(studio, "teller"))
    assert [step["name"] for step in document["chain"]] == ["reader"]
    assert document["base_model_id"] == base_models.get(studio, base).id
    card = (tmp_path / "received" / "teller" / "README.md").read_text()
    assert "Step 1 | reader: Learn the language of these texts, lora; data verses" in card
    return read, told


@pytest.mark.long
@pytest.mark.slow
def test_a_chain_is_scored_chatted_with_and_used_without_the_studio(
    studio: User, tickets: None, tiny_model_folder: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    base_models.add(studio, "tiny", str(tiny_model_folder))
    add(studio, "verses", "verses.txt", "".join(f"{i} {VERSE}" for i in range(20)), shape="text")
    short = {"max_steps": 4, "learning_rate": 1e-2, "eval_steps": 4, "max_length": 64}
    _, told = follow(studio, "tiny", tmp_path, capsys, monkeypatch, **short)
    third = trained(studio, "third", "teller", "tickets", "sft", **short)
    assert third.spec["continued"] == "same_adapter"
    of_teller, of_third = ((jobs.get(studio, job.id).result or {}) for job in (told, third))
    assert (of_third["parent"], of_third["root"]["name"]) == ("teller", "tiny")
    started_at, left_at = of_third["metrics"]["loss"]["base"], of_teller["metrics"]["loss"]["adapted"]
    assert started_at["value"] == pytest.approx(left_at["value"], rel=1e-4), "the parent as it was published"
    roots = [result["root"]["metrics"]["loss"]["base"]["value"] for result in (of_teller, of_third)]
    assert roots[0] == pytest.approx(roots[1], rel=1e-4)
    entries = {name: catalogue.find(studio, name) for name in ("tiny", "reader", "teller", "third")}
    assert entries["third"].resident == entries["teller"].resident != entries["reader"].resident
    assert entries["reader"].resident == entries["tiny"].resident
    weights = [entries[name].weights_folder / "model.safetensors" for name in ("teller", "third")]
    assert weights[0].samefile(weights[1]), "both share the merged weights in memory and on disk"
    artifacts.delete(studio, "teller")
    together, _ = asyncio.run(chat(studio, ["third"]))
    assert together, "the merged base went with the adapter"


@pytest.mark.long
@pytest.mark.skipif(not SHAKESPEARE.is_file(), reason="needs the shared text")
def test_shakespeare_then_tickets(
    studio: User, tickets: None, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(studio, "verses", "verses.txt", SHAKESPEARE.read_text("utf-8")[:200_000], shape="text")
    read, told = follow(studio, "studio-nano", tmp_path, capsys, monkeypatch, max_steps=60, max_length=128)
    losses = (read.result or {})["metrics"]["loss"]
    assert losses["adapted"]["value"] < 0.9 * losses["base"]["value"], "it has learned some Shakespeare"
    verdict = told.result or {}
    assert verdict["metrics"]["loss"]["adapted"]["value"] < verdict["metrics"]["loss"]["base"]["value"]
    assert verdict["root"]["name"] == "studio-nano"
