"""Every base that can be added can be adapted, scored, chatted with and downloaded, whatever its architecture."""

from __future__ import annotations

import asyncio
import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch  # noqa: TID253

from storage.bases import base_models, checkpoint_headers
from storage.data import datasets, uploads
from storage.gallery import downloads
from storage.models import Job, User
from storage.planning import evaluations, training
from templates import capabilities, registry
from tests.contracts import small_models
from tests.contracts.in_process import carried_out, chat, used

FITTING: dict[str, dict[str, Any]] = {
    "c3a": {"block_size": 32},
    "road": {"group_size": 32},
    "shira": {"r": 16},
    "waveft": {"n_frequency": 1000},
}
"""Sizes for a model of a width of 32, where the advised ones are refused."""

TEMPLATE = "instruct"
"""The studio's own template, for models that have none."""
Way = tuple[str, str, dict[str, Any]]
METHODS = [method.key for method in capabilities.methods_for(registry.objective("sft"))]
EVERY_RUN: list[Way] = [
    ("gpt2", "lora", {"target_modules": "attention"}),
]
LONG: list[Way] = [
    ("gemma3img", "lora", {"use_dora": True}),
    *((name, "lora", {}) for name in small_models.SMALL),
    ("qwen3moe", "lora", {"target_modules": "attention"}),
    ("opt", "lora", {"target_modules": "mlp"}),
    ("phi3", "lora", {"use_dora": True}),
    ("gpt2", "full", {}),
    ("bloom", "full", {}),
    ("starcoder2", "ia3", {}),
    ("gpt2", "ia3", {}),
    *(("llama32", name, FITTING.get(name, {})) for name in METHODS if name not in ("lora", "full")),
    ("qwen3", "bottleneck", {"placement": "houlsby"}),
    ("qwen3", "prefix_tuning", {"init_weights": "zero"}),
    ("gpt2", "bottleneck", {}),
    ("gemma3", "ln_tuning", {}),
]


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
    if registry.method(method).starts_at_base:
        assert loss < base_loss, "a few steps on few labels lower the loss"
    again = carried_out(studio, evaluations.submit(studio, models=[name, "tuned"], dataset=rows))
    scored = [model["metrics"]["loss"]["value"] for model in (again.result or {})["models"]]
    assert scored == pytest.approx([base_loss, loss], rel=1e-4)
    together, alone = asyncio.run(chat(studio, [name, "tuned"]))
    assert together == alone
    exported = downloads.export(studio, "tuned", tmp_path / "download")
    given = ["--base", str(source)] if registry.method(method).trains == "adapter" else []
    assert used(exported, given, capsys, monkeypatch).startswith(together[1])


def _advised(method: str) -> float:
    """What the method advises for small bases, like these."""
    facts = checkpoint_headers.facts(base_models.BUNDLED_DIR / "studio-nano")
    return float(registry.method(method).advised(facts)["learning_rate"])


def train(user: User, base: str, dataset: str, method: str, settings: dict[str, Any]) -> Job:
    """Train a model called `tuned` and publish it."""
    plan = training.plan(
        user,
        base=base,
        dataset=dataset,
        objective="sft",
        method=method,
        settings={"max_steps": 4, "learning_rate": max(1e-3, _advised(method)), **settings},
    )
    return carried_out(user, training.submit(user, plan, name="tuned"))
