"""Jobs, chats and downloads carried out in this process, as workers, the chat server and receivers do."""

from __future__ import annotations

import asyncio
import importlib
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from storage.jobs import jobs, leases, worker_rows
from storage.models import Job, User
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


class Deaf:
    """A worker's end of the conversation that never asks to stop."""

    stop = None
    abandoned = False

    def send(self, _report: Any) -> None:
        """Ignore the report."""


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
