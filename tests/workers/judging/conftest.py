"""A service that judges, two small models, and orders to judge them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from conversations import write_rows

from storage.judging.voted import Voted
from templates.jobs.generate import GenerateParams
from templates.jobs.judge import JudgeParams
from templates.service import ServiceParams
from tests.played_service import PlayedService, playing
from workers.answering import pace
from workers.orders.generate import GenerationOrder, Service
from workers.orders.judge import JudgeOrder
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


@pytest.fixture
def make(tmp_path: Path, judge: PlayedService, tiny_model_folder: Path, teacher_folder: Path) -> MakeOrder:
    """Orders to judge two models of random weights; all share one folder of the judge's replies."""

    def make(
        where: str = "a",
        n: int = N,
        voted: Sequence[Voted] = (),
        models: Sequence[Path] = (tiny_model_folder, teacher_folder),
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
                service=Service(
                    url=judge.url, model="wise", params=ServiceParams(**{"patience_s": 5.0, "concurrency": 2, **asks})
                ),
                asked_folder=str(tmp_path / "asked"),
                teacher={"name": "wise", "host": "127.0.0.1"},
                params=GenerateParams(max_new_tokens=params.max_new_tokens),
                shape="prompt_completion",
                dataset_file=file,
                **{"dataset_name": "prompts", "dataset_sha256": "0" * 64, "split_seed": 42},
            ),
            params=params,
            criteria="Prefer the longer one.",
            votes=tuple(voted),
        )

    return make
