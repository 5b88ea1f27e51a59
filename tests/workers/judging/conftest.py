"""A service and a reward model that judge, two small models, and orders to judge them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from conversations import write_rows

from storage.judging.voted import Voted
from templates.jobs.generate import GenerateParams
from templates.jobs.judge import JudgeParams
from templates.service import ServiceParams
from tests.played_service import PlayedService, playing
from workers import models
from workers.answering import pace
from workers.orders.generate import GenerationOrder, Service
from workers.orders.judge import JudgeOrder, RewardJudge
from workers.preferences import score_heads
from workers.protocol import ModelRef

MakeOrder = Callable[..., JudgeOrder]
N = 12
"""Held-out rows of an order."""


def shown(request: dict[str, Any]) -> tuple[str, str]:
    """The answers that the judge is shown, in their order."""
    both = re.findall(r"<answer_\d>\n(.*?)\n</answer_\d>", request["messages"][-1]["content"], re.DOTALL)
    return both[0], both[1]


def longer(request: dict[str, Any]) -> str:
    """Prefers the longer answer, wherever it stands."""
    first, second = (len(text) for text in shown(request))
    return f"I compare.\nVerdict: {'tie' if first == second else 1 if first > second else 2}"


def first_place(_request: dict[str, Any]) -> str:
    """Prefers what it reads first."""
    return "Verdict: 1"


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Iterator[PlayedService]:
    """A judge that prefers longer answers; pauses between tries are short."""
    monkeypatch.setattr(pace, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with playing() as played:
        played.reply = longer
        yield played


def votes(n: int, *, for_longer: int) -> list[Voted]:
    """Votes on `n` prompts; the second model's answer is always the longer one and wins the first `for_longer`."""
    turns = [{"role": "user", "content": "Where is it?"}]
    return [
        Voted(
            turns=[{**turns[0], "content": f"Where is {i}?"}],
            first="Here.",
            second=f"It is at place {i}.",
            score=float(i < for_longer),
        )
        for i in range(n)
    ]


@pytest.fixture(scope="session")
def reward_ref(tmp_path_factory: pytest.TempPathFactory, tiny_model_folder: Path) -> ModelRef:
    """A reward model of random weights, with all of them in one folder."""
    folder = tmp_path_factory.mktemp("reward") / "tastes"
    torch.manual_seed(3)
    model = models.load_base(tiny_model_folder, where=torch.device("cpu"), read=score_heads.load_new)
    model.save_pretrained(folder)
    for path in tiny_model_folder.iterdir():
        if path.suffix != ".safetensors" and path.name != "config.json":
            (folder / path.name).write_bytes(path.read_bytes())
    return ModelRef(name="tastes", base_folder=str(folder), base_revision="x", weights_sha256="ab" * 32)


@pytest.fixture
def make(tmp_path: Path, judge: PlayedService, tiny_model_folder: Path, teacher_folder: Path) -> MakeOrder:
    """Orders to judge two models of random weights; all share one folder of the judge's replies."""

    def make(
        where: str = "a",
        n: int = N,
        voted: Sequence[Voted] = (),
        models: Sequence[Path] = (tiny_model_folder, teacher_folder),
        rewarding: RewardJudge | None = None,
        **given: Any,
    ) -> JudgeOrder:
        asks = {name: given.pop(name) for name in ServiceParams.model_fields if name in given}
        for folder in ("staging", "checkpoints"):
            (tmp_path / where / folder).mkdir(parents=True, exist_ok=True)
        common = {
            **{"job_id": "j", "attempt": 1, "name": "judged", "log_file": "", "threads": 1},
            "staging": str(tmp_path / where / "staging"),
            "checkpoints": str(tmp_path / where / "checkpoints"),
        }
        rows = [
            {"prompt": f"What is {i}?", "completion": "x", "system": None, "held_out": i < n, "source_row": i + 1}
            for i in range(2 * n)
        ]
        file = str(write_rows(tmp_path / "rows.parquet", rows)) if n else ""
        params = JudgeParams(**{"max_new_tokens": 6, **given})
        return JudgeOrder(
            **common,
            kind="judge",
            models=tuple(
                ModelRef(name=name, base_folder=str(folder), base_revision=folder.name)
                for name, folder in zip(("tiny", "sharp"), models, strict=True)
            ),
            asks=GenerationOrder(
                **common,
                kind="judge",
                service=None
                if rewarding
                else Service(
                    url=judge.url, model="wise", params=ServiceParams(**{"patience_s": 5.0, "concurrency": 2, **asks})
                ),
                asked_folder=str(tmp_path / "asked"),
                teacher={"name": "wise", "host": "127.0.0.1"},
                params=GenerateParams(max_new_tokens=params.max_new_tokens),
                shape="prompt_completion",
                dataset_file=file,
                **{"dataset_name": "prompts", "dataset_sha256": "0" * 64, "split_seed": 42},
            ),
            rewarding=rewarding,
            params=params,
            criteria="" if rewarding else "Prefer the longer one.",
            votes=tuple(voted),
        )

    return make
