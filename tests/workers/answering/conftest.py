"""A service, and orders to ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conversations import write_rows
from pydantic import SecretStr

from templates.jobs.generate import GenerateParams
from templates.service import ServiceParams
from tests.played_service import PlayedService, playing
from workers.answering import pace
from workers.orders.generate import GenerationOrder, Service

MakeOrder = Callable[..., GenerationOrder]
N = 12
"""Prompts of an order."""


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[PlayedService]:
    """A service; pauses between tries are short."""
    monkeypatch.setattr(pace, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with playing() as played:
        yield played


@pytest.fixture
def make(tmp_path: Path, service: PlayedService) -> MakeOrder:
    """Orders for the service; all share one folder of sealed answers."""

    def make(
        where: str = "a", filters: Any = None, n: int = N, tools: str | None = None, **given: Any
    ) -> GenerationOrder:
        asks = {name: given.pop(name) for name in ServiceParams.model_fields if name in given}
        for folder in ("staging", "checkpoints"):
            (tmp_path / where / folder).mkdir(parents=True, exist_ok=True)
        rows = [
            {
                "prompt": f"q{i}",
                "completion": f"the answer to q{i}",
                "system": None,
                "held_out": i == 0,
                "source_row": i + 1,
            }
            for i in range(n)
        ]
        key = given.pop("key", None)
        return GenerationOrder(
            **{"kind": "generate", "job_id": "j", "attempt": 1, "name": "answers", "log_file": "", "threads": 1},
            staging=str(tmp_path / where / "staging"),
            checkpoints=str(tmp_path / where / "checkpoints"),
            service=Service(
                url=given.pop("url", service.url),
                model=given.pop("model", "wise"),
                params=ServiceParams(**{"patience_s": 5.0, **asks}),
                only_public=given.pop("only_public", False),
            ),
            asked_folder=str(tmp_path / "asked"),
            api_key=SecretStr(key) if key else None,
            filters=filters or {},
            teacher={"name": "wise", "host": "127.0.0.1"},
            instruction=given.pop("instruction", ""),
            params=GenerateParams(**given),
            shape="prompt_completion",
            dataset_file=str(write_rows(tmp_path / "rows.parquet", rows)),
            **{"dataset_name": "prompts", "dataset_sha256": "0" * 64, "split_seed": 42},
        )

    return make
