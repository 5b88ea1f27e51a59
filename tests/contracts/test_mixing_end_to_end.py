"""Several datasets in one training, and rows that a model wrote itself, from the request to the published result."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch  # noqa: TID253
from peft import PeftModel  # noqa: TID253
from peft.tuners.lora import LoraLayer  # noqa: TID253
from transformers import AutoModelForCausalLM  # noqa: TID253

from storage.data import datasets, row_files, uploads
from storage.gallery import artifacts, downloads
from storage.jobs import jobs
from storage.models import Job, JobState, User
from storage.planning import self_replays, training
from storage.settings import settings
from templates.errors import NotFound
from tests.contracts.in_process import carried_out

TICKETS = [("my order came late", "delivery"), ("refund the invoice please", "refund"), ("card lost", "card")]
MOODS = [("what a wonderful day", "happy"), ("everything went wrong today", "sad")]
QUICK = {"num_train_epochs": 1, "max_length": 64}


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)


def add(user: User, name: str, rows: list[tuple[str, str]], n: int) -> None:
    lines = [json.dumps({"prompt": f"{text} {i}", "completion": label}) for i in range(n) for text, label in rows]
    datasets.add(user, uploads.save(user, f"{name}.jsonl", io.BytesIO("\n".join(lines).encode())), name=name)


def trained(user: User, name: str, **asked: Any) -> Job:
    plan = training.plan(
        user,
        **{
            "base": "studio-nano",
            "dataset": "tickets",
            "objective": "sft",
            "method": "lora",
            "settings": QUICK,
            **asked,
        },
    )
    return carried_out(user, training.submit(user, plan, name=name))


def test_each_dataset_has_its_verdict(studio: User) -> None:
    add(studio, "tickets", TICKETS, 12)
    add(studio, "moods", MOODS, 12)
    job = trained(studio, "both", weights={"tickets": 0.5, "moods": 0.5})
    assert job.result
    first, second = job.result["by_dataset"]
    assert (first["name"], second["name"]) == ("tickets", "moods")
    assert first["verdict"]["metrics"] == job.result["metrics"]
    assert second["verdict"]["metrics"]["exact_match"] != first["verdict"]["metrics"]["exact_match"]
    held_out = datasets.get(studio, "moods").n_held_out
    assert second["verdict"]["n_rows"] == held_out
    assert any("“moods”: " in remark and "50 % of the rows" in remark for remark in job.result["remarks"])
    folder = artifacts.folder(artifacts.get(studio, "both"))
    answers = [json.loads(line) for line in (folder / "evaluation" / "answers.jsonl").read_text("utf-8").splitlines()]
    assert {answer["dataset"] for answer in answers} == {"tickets", "moods"}
    card = (folder / "README.md").read_text("utf-8")
    assert "On moods:" in card
    assert "| Data | moods, prompt_completion" in card
    assert jobs.get(studio, job.id).state == JobState.SUCCEEDED


@pytest.mark.long
def test_a_base_writes_rows_and_keeps_them(studio: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(studio, "tickets", TICKETS, 12)
    with pytest.raises(NotFound, match="has not written rows to replay yet"):
        self_replays.needed(studio, "studio-nano")
    monkeypatch.setenv("STUDIO_FORGETTING_ITEMS", "1")
    monkeypatch.setenv("STUDIO_OWN_PROMPTS", "24")
    settings.cache_clear()
    asked = {"n_rows": 32, "max_new_tokens": 32, "prompt_tokens": 32}
    wrote = carried_out(studio, self_replays.submit(studio, model="studio-nano", name="own", settings=asked))
    own = self_replays.needed(studio, "studio-nano")
    assert (own.name, own.shape, own.n_held_out, own.made_by_job_id) == ("own", "prompt_completion", 0, wrote.id)
    rows = row_files.read(datasets.file(own))
    assert len(rows) == own.n_rows > 20
    assert len({row["prompt"].casefold() for row in rows}) == len(rows)
    assert all(row["completion"] for row in rows)
    job = trained(studio, "keeps", replay={"own": 0.4})
    assert job.result
    assert job.result["by_dataset"] == []
    assert any("“own” (replayed): " in remark and "(40 % of the rows, " in remark for remark in job.result["remarks"])
    forgotten = job.result["forgotten"]
    assert forgotten["own"]["n"] + forgotten["own"]["dropped"].get("like a replayed one", 0) <= 24
    weaker(studio, tmp_path)


def weaker(user: User, folder: Path) -> None:
    """A download at half strength has half of what the adapter adds to each weight."""
    whole, half = (
        downloads.export(user, "keeps", folder / "whole"),
        downloads.export(user, "keeps", folder / "half", 0.5),
    )
    (of_whole, scale), (of_half, halved) = (added(path) for path in (whole, half))
    assert halved == {name: scaling / 2 for name, scaling in scale.items()}
    assert all(torch.equal(of_whole[name], of_half[name]) for name in of_whole)
    assert "**Strength 0.5.**" in (half / "README.md").read_text("utf-8")
    sums = dict(reversed(line.split("  ")) for line in (half / "SHA256SUMS").read_text().splitlines())
    assert all(hashlib.sha256((half / name).read_bytes()).hexdigest() == digest for name, digest in sums.items())


def added(path: Path) -> tuple[dict[str, Any], dict[str, float]]:
    """The adapter's matrices as PEFT loads them, and its scalings."""
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(path / "base"), path)
    layers = {name: module for name, module in model.named_modules() if isinstance(module, LoraLayer)}
    matrices = {name: module.lora_B["default"].weight for name, module in layers.items()}
    return matrices, {name: module.scaling["default"] for name, module in layers.items()}
