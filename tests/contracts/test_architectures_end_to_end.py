"""Every base that can be added can be adapted, scored, chatted with and downloaded, whatever its architecture."""

from __future__ import annotations

import asyncio
import importlib
import io
import json
import math
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
import torch  # noqa: TID253

from storage.bases import base_models
from storage.data import datasets, uploads
from storage.gallery import artifacts
from storage.jobs import jobs, leases, worker_rows
from storage.models import Job, User
from storage.planning import evaluations, training
from tests.contracts import small_models
from workers import orders, publishing
from workers.heartbeat import Heartbeat
from workers.protocol import Done
from workers.serving import catalogue
from workers.serving.chats import answering
from workers.serving.events import Ended
from workers.serving.requests import ChatRequest
from workers.serving.residents import Residents

QUESTION = "Where is my parcel? It came late."
MAX_TOKENS = 24
TEMPLATE = "instruct"
"""The studio's own template, for models that have none."""
Way = tuple[str, str, dict[str, Any]]
EVERY_RUN: list[Way] = [
    ("opt", "lora", {}),
    ("qwen3moe", "lora", {}),
    ("gemma3img", "lora", {"use_dora": True}),
    ("gpt2", "lora", {"target_modules": "attention"}),
]
LONG: list[Way] = [
    *((name, "lora", {}) for name in small_models.SMALL),
    ("qwen3moe", "lora", {"target_modules": "attention"}),
    ("opt", "lora", {"target_modules": "mlp"}),
    ("phi3", "lora", {"use_dora": True}),
    ("gpt2", "full", {}),
    ("bloom", "full", {}),
    ("starcoder2", "ia3", {}),
    ("gpt2", "ia3", {}),
]


class Deaf:
    """A worker's end of the conversation that never asks to stop."""

    stop = None
    abandoned = False

    def send(self, _report: Any) -> None:
        """Ignore the report."""


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)


@pytest.fixture
def rows(studio: User) -> str:
    """The name of a small dataset."""
    texts = [("my order came late", "delivery"), ("refund the invoice please", "refund"), ("card lost", "card")]
    lines = [json.dumps({"prompt": f"{text} {i}", "completion": label}) for i in range(12) for text, label in texts]
    upload = uploads.save(studio, "rows.jsonl", io.BytesIO("\n".join(lines).encode()))
    return datasets.add(studio, upload, name="rows").name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "method", "settings"),
    [*EVERY_RUN, *(pytest.param(*way, marks=pytest.mark.long) for way in LONG)],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value.values())) or "plain",
)
def test_a_done_job_can_be_scored_chatted_with_and_downloaded(
    studio: User,
    rows: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    method: str,
    settings: dict[str, Any],
) -> None:
    source = small_models.write(name, tmp_path / "source" / name)
    template = None if small_models.SMALL[name].template else TEMPLATE
    base_models.add(studio, name, str(source), chat_template=template)
    trained = train(studio, name, rows, method, settings)
    judged = trained.result or {}
    assert judged["verdict"]
    assert judged["n_answered"] > 0
    base_loss, loss = (judged["metrics"]["loss"][which]["value"] for which in ("base", "adapted"))
    assert math.isfinite(base_loss)
    assert loss < base_loss, "a few steps on few labels lower the loss"
    again = carried_out(studio, evaluations.submit(studio, models=[name, "tuned"], dataset=rows))
    scored = [model["metrics"]["loss"]["value"] for model in (again.result or {})["models"]]
    assert scored == pytest.approx([base_loss, loss], rel=1e-4)
    together, alone = asyncio.run(chat(studio, [name, "tuned"]))
    assert together == alone
    exported = artifacts.export(studio, "tuned", tmp_path / "download")
    given = ["--base", str(source)] if method != "full" else []
    assert used(exported, given, capsys, monkeypatch).startswith(together[1])


def train(user: User, base: str, dataset: str, method: str, settings: dict[str, Any]) -> Job:
    """Train a model called `tuned` and publish it."""
    plan = training.plan(
        user,
        base=base,
        dataset=dataset,
        objective="sft",
        method=method,
        settings={"max_steps": 4, "learning_rate": 0.03 if method == "ia3" else 1e-3, **settings},
    )
    return carried_out(user, training.submit(user, plan, name="tuned"))


def carried_out(user: User, job: Job) -> Job:
    """The job after a worker in this process claimed it, ran its program and published."""
    lease = leases.claim(worker_rows.register(device="cpu", slots=1), job.id)
    assert lease
    order = orders.of(lease, threads=1)
    done = importlib.import_module(f"workers.programs.{job.kind}").run(order, Deaf())
    assert isinstance(done, Done)
    heartbeat = Heartbeat(lease)
    try:
        publishing.publish(lease, order, done, heartbeat)
    finally:
        heartbeat.stop()
    return jobs.get(user, job.id)


async def chat(user: User, models: list[str]) -> tuple[list[str], list[str]]:
    """Each model's likeliest answer to the question: all asked at the same time, then one after the other."""
    residents = Residents()
    asked = {"messages": [{"role": "user", "content": QUESTION}], "temperature": 0, "max_tokens": MAX_TOKENS}

    async def answer(model: str) -> str:
        entry = catalogue.find(user, model)
        async with answering(residents, entry, ChatRequest.model_validate({"model": model, **asked})) as given:
            resident = residents.holding(entry)
            assert resident
            assert resident.self_test(entry).outcome == "passed"
            pieces = [piece async for piece in given.pieces()]
            # the last token may be half a character, which a longer answer completes
            return "".join(piece.text for piece in pieces if not isinstance(piece, Ended)).strip().rstrip("\ufffd")

    try:
        together = await asyncio.gather(*(answer(model) for model in models))
        return list(together), [await answer(model) for model in models]
    finally:
        await residents.close()


def used(folder: Path, given: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """What the download's own script answers."""
    monkeypatch.setattr(sys, "argv", ["use_me.py", *given, QUESTION])
    capsys.readouterr()
    runpy.run_path(str(folder / "use_me.py"), run_name="__main__")
    return capsys.readouterr().out.strip()
