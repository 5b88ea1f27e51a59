"""On a machine with a GPU: QLoRA and full training through Celery, a kill, chat, memory, and the pace beside TRL.

`make test-gpu` runs this in at most eight minutes and prints what it measured. `GPU_REHEARSAL=1` takes the same
steps on a CPU with a small model, to try the script itself.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import chat_servers
import psutil
import pytest
import torch  # noqa: TID253
from transformers import LlamaConfig, LlamaForCausalLM  # noqa: TID253

from app import chat_client
from app.bench import training as race
from storage import migrate, programs, users
from storage.bases import base_models
from storage.data import datasets, uploads
from storage.gallery import artifacts
from storage.jobs import events, jobs, worker_rows
from storage.models import TERMINAL, Job, JobState, User
from storage.planning import training
from storage.settings import settings
from templates.errors import Unavailable
from tests.conftest import forget_caches

REHEARSAL = bool(os.environ.get("GPU_REHEARSAL"))
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.timeout(480),
    pytest.mark.skipif(not (torch.cuda.is_available() or REHEARSAL), reason="needs a CUDA device"),
]
WIDTHS = (64, 2) if REHEARSAL else (2048, 16)
"""Hidden size and layers: about 1 billion parameters on a GPU."""
NF4 = "none" if REHEARSAL else "nf4"
STEPS, SAVED_EVERY = 60, 10
WITHIN = 1.25
"""Measured memory against the estimate."""


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """A studio with a random base model of the size that GPUs are bought for, and rows to learn."""
    root = tmp_path_factory.mktemp("card")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDIO_DATA_DIR", str(root / "studio"))
        patch.setenv("STUDIO_CHAT_PORT", str(chat_servers.free_port()))
        patch.setenv("STUDIO_EVAL_ROWS", "16")
        forget_caches()
        migrate.upgrade()
        owner = users.local()
        base_models.add(owner, "large", str(_random_model(root / "large")))
        rows = "".join(f'{{"prompt": "Colour of box {i}?", "completion": "shade {i % 7}"}}\n' for i in range(640))
        datasets.add(owner, uploads.save(owner, "boxes.jsonl", io.BytesIO(rows.encode())), name="boxes")
        yield owner
    forget_caches()


def _random_model(folder: Path) -> Path:
    shutil.copytree(base_models.BUNDLED_DIR / "studio-small", folder)
    stated = json.loads((folder / "config.json").read_text())
    width, n_layers = WIDTHS
    sizes = {"hidden_size": width, "intermediate_size": 3 * width, "num_hidden_layers": n_layers, "head_dim": 16}
    torch.manual_seed(0)
    config = LlamaConfig(**(stated | sizes | {"num_attention_heads": width // 16, "num_key_value_heads": width // 16}))
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def worker(user: User) -> Iterator[None]:
    """A real worker, and nothing else, beside the database."""
    with programs.for_the_duration("worker", programs.WORKER):
        until(lambda: any(row.ready for row in worker_rows.alive()), "the worker is ready", 120)
        yield


def until(holds: Callable[[], object], what: str, within_s: float) -> None:
    ends = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < ends, f"{what}: not within {within_s:g} s"
        time.sleep(0.2)  # other processes


def submit(user: User, name: str, method: str, quantization: Any, **settings: Any) -> Job:
    plan = training.plan(
        user,
        base="large",
        dataset="boxes",
        objective="sft",
        method=method,
        quantization=quantization,
        settings={"max_steps": STEPS, "save_steps": SAVED_EVERY, "max_length": 64, **settings},
    )
    return training.submit(user, plan, name=name)


def ended(user: User, job: Job, within_s: float = 200) -> Job:
    until(lambda: jobs.get(user, job.id).state in TERMINAL, f"{job.name} ends", within_s)
    done = jobs.get(user, job.id)
    assert done.state == JobState.SUCCEEDED, done.error
    return done


def within_the_estimate(job: Job) -> float:
    assert job.actual
    assert job.estimate
    times: float = job.actual["peak_memory_bytes"] / job.estimate["memory_bytes"]
    print(f"{job.name}: {job.actual['peak_memory_bytes'] / 1e9:.2f} GB, {times:.2f} of the estimate")
    assert REHEARSAL or 1 / WITHIN <= times <= WITHIN
    return times


@pytest.mark.usefixtures("worker")
def test_qlora_is_killed_goes_on_and_is_judged(user: User) -> None:
    job = submit(user, "boxes-qlora", "lora", NF4)
    until(lambda: jobs.get(user, job.id).checkpoint_step >= SAVED_EVERY, "the first checkpoint", 120)
    parent = psutil.Process(next(row.pid for row in worker_rows.alive()))
    busiest = max(parent.children(recursive=True), key=lambda process: process.cpu_times().user)
    os.kill(busiest.pid, signal.SIGKILL)
    done = ended(user, job)
    assert done.attempt == 2
    assert done.step == STEPS
    starts = [event.data["start_step"] for event in events.of_job(job.id) if event.kind == "planned"]
    assert starts[-1] >= SAVED_EVERY, "it went on from the checkpoint"
    (made,) = artifacts.of_user(user)
    assert made.facts["verdict"]["sentence"]
    within_the_estimate(done)


@pytest.mark.usefixtures("worker")
def test_two_jobs_on_one_card_take_turns(user: User) -> None:
    first, second = submit(user, "boxes-full", "full", "none", max_steps=20), submit(user, "after", "lora", "none")
    until(lambda: jobs.get(user, first.id).state == JobState.RUNNING, "the first begins", 60)
    assert jobs.get(user, second.id).state == JobState.QUEUED
    within_the_estimate(ended(user, first))
    within_the_estimate(ended(user, second))
    assert jobs.get(user, second.id).started_at >= jobs.get(user, first.id).finished_at


def _chat_answers() -> bool:
    try:
        return chat_client.health().ready
    except Unavailable:
        return False


def test_base_and_adapter_answer_in_one_batch(user: User) -> None:
    with programs.for_the_duration("chat", programs.CHAT):
        until(_chat_answers, "the chat server is ready", 120)

        def ask(model: str) -> chat_client.Answer:
            turns = [{"role": "user", "content": "Colour of box 3?"}]
            return chat_client.complete(model, turns, user=user, max_new_tokens=16)

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(ask, ["large", "boxes-qlora", "large", "boxes-qlora"]))
        assert answers[0].text == answers[2].text
        assert answers[1].text == answers[3].text
        assert answers[1].info
        assert answers[1].info.self_test == "passed"
        assert answers[1].info.base_difference == 0


def test_the_pace_beside_trl(user: User) -> None:
    found = race.measure(user, "large", "boxes", 1, 64 if REHEARSAL else 512)
    print("\n".join(race.sentences(found)))
    assert settings().root.exists()
    assert found["studio"]["tokens_per_s"] > 0.9 * found["trl"]["tokens_per_s"]
