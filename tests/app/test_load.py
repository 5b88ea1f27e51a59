"""One account sends slow workbooks, a zip bomb and hostile models; everybody else goes on working.

On the real web process: the small twin, with slow previews alone, is in `test_turns.py`.
"""

from __future__ import annotations

import asyncio
import bz2
import io
import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from app import supervise
from storage import db, migrate, programs, users
from storage.bases import base_models, checkpoint_headers
from storage.data import datasets, uploads
from storage.models import BaseModelRow, User
from storage.settings import settings
from tests.conftest import forget_caches
from tests.storage.rendering.test_limited import ATTACKS

pytestmark = [pytest.mark.long, pytest.mark.slow]
N_PREVIEWS, N_ROWS, N_BOMBS, N_MODELS = 80, 60_000, 10, 44
BOMB_BYTES = 1024**3
WATCHED_S = 60.0
HEALTH_WITHIN_S, PAGES_WITHIN_S, MOST_BYTES = 1.0, 3.0, 400_000_000
PASSWORD = "long enough"


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, psutil.Process]]:
    """A web process of its own, with two accounts: its address and the process."""
    monkeypatch.setenv("STUDIO_DATA_DIR", str(tmp_path / "studio"))
    forget_caches()
    migrate.upgrade()
    ann, _ = [users.add(name, PASSWORD) for name in ("ann", "ben")]
    hostile_models(ann)
    rows = "text,label\n" + "".join(f"where is parcel {i}?,{('lost', 'late')[i % 2]}\n" for i in range(40))
    datasets.add(ann, uploads.save(ann, "rows.csv", io.BytesIO(rows.encode())), name="rows")
    port = supervise.free_port()
    command = programs.program("app.cli", "web", "--host", "127.0.0.1", "--port", str(port))
    with programs.for_the_duration("web", command) as process:
        until = time.monotonic() + 90
        while not supervise.answers(f"http://127.0.0.1:{port}/readyz"):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)  # another process
        yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
    forget_caches()


def hostile_models(owner: User) -> None:
    """Added models with weights that are fine and chat templates that take all the time or memory there is."""
    good, templates = base_models.BUNDLED_DIR / "studio-nano", [template for template, _ in ATTACKS.values()]
    facts = checkpoint_headers.facts(good).model_dump(mode="json")
    for i in range(N_MODELS):
        row = BaseModelRow(
            owner_id=owner.id,
            name=f"m{i}",
            source="folder",
            origin="hostile",
            revision=f"{i:064}",
            license="MIT",
            location="",
            facts=facts,
            size_bytes=1,
            created_at=0.0,
        )
        row.location = f"{base_models.BASES}/{row.id}"
        shutil.copytree(good, settings().files / row.location, copy_function=os.link)
        chat_template = settings().files / row.location / "chat_template.jinja"
        chat_template.unlink()
        chat_template.write_text(templates[i % len(templates)])
        with db.writing() as session:
            session.add(row)


def slow_workbook() -> bytes:
    """A workbook of many rows, which takes its reader several seconds."""
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(["text", "label"])
    for i in range(N_ROWS):
        sheet.append([f"where is parcel number {i} of this long morning?", ("lost", "late", "other")[i % 3]])
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def bomb() -> bytes:
    """A zip of a few kilobytes whose one part unpacks to a gigabyte in a single call."""
    from tests.storage.data.intake.office.test_zip_files import BZIP2, packed

    packer, chunk = bz2.BZ2Compressor(), bytes(16 * 1024**2)
    content = b"".join(packer.compress(chunk) for _ in range(BOMB_BYTES // len(chunk))) + packer.flush()
    return packed(["a.csv"], content, BZIP2)


async def attack(ann: httpx.AsyncClient, book: bytes, zipped: bytes, codes: Counter[tuple[str, int]]) -> None:
    """Everything at once, from one account; counts the answers' status codes."""

    async def preview(number: int, name: str, content: bytes) -> None:
        sent = await ann.post("/api/v1/uploads", files={"file": (f"{number}-{name}", content)})
        read = await ann.post("/api/v1/data/preview", json={"upload_id": sent.json()["id"]})
        codes[name, read.status_code] += 1

    async def model(number: int) -> None:
        wish = {"base": f"m{number}", "dataset": "rows", "objective": "sft", "method": "lora"}
        answer = await ann.post("/api/v1/plans", json=wish)
        codes["model", answer.status_code] += 1
        if answer.status_code == 422:
            assert answer.json()["error"]["code"] == "over_limit"

    work = [preview(i, "book.xlsx", book) for i in range(N_PREVIEWS)]
    work += [preview(i, "bomb.zip", zipped) for i in range(1, N_BOMBS)]
    work += [model(i) for i in range(N_MODELS)]
    await preview(0, "first.zip", zipped)  # while there is room in the line
    await asyncio.gather(*work)


async def watch(ben: httpx.AsyncClient, process: psutil.Process, seen: dict[str, list[float]]) -> None:
    """Measure what another person gets, until cancelled."""
    while True:
        for path, key in (("/healthz", "health"), ("/data", "pages"), ("/api/v1/data", "pages"), ("/jobs", "pages")):
            began = time.monotonic()
            answer = await ben.get(path)
            assert answer.status_code == 200
            seen[key].append(time.monotonic() - began)
        seen["memory"].append(process.memory_info().rss)
        await asyncio.sleep(0.2)  # a person's pace


def test_one_account_stops_nobody_else(web: tuple[str, psutil.Process]) -> None:
    address, process = web
    seen: dict[str, list[float]] = {"health": [], "pages": [], "memory": []}

    codes: Counter[tuple[str, int]] = Counter()
    named: dict[str, Any] = {"base_url": address, "timeout": 300.0, "trust_env": False}
    book, zipped = slow_workbook(), bomb()

    def attacked() -> None:
        async def attacking() -> None:
            limits = httpx.Limits(max_connections=None)
            async with httpx.AsyncClient(auth=("ann", PASSWORD), limits=limits, **named) as ann:
                await attack(ann, book, zipped, codes)

        with suppress(TimeoutError):
            asyncio.run(asyncio.wait_for(attacking(), WATCHED_S))

    async def watched() -> None:
        unshared = httpx.Limits(max_keepalive_connections=0)  # the server closes idle connections
        async with httpx.AsyncClient(auth=("ben", PASSWORD), limits=unshared, **named) as ben:
            assert (await ben.get("/data")).status_code == 200
            attacker = threading.Thread(target=attacked)  # of its own, so that it doesn't slow the watch down
            attacker.start()
            with suppress(TimeoutError):
                await asyncio.wait_for(watch(ben, process, seen), WATCHED_S)
            attacker.join()

    asyncio.run(watched())
    print({key: (len(values), max(values), sorted(values)[len(values) // 2]) for key, values in seen.items()}, codes)
    assert sum(n for (_, code), n in codes.items() if code == 429) > 0
    assert codes["first.zip", 422] > 0
    assert codes["model", 422] > 0
    assert not codes["model", 200]
    assert max(seen["health"]) < HEALTH_WITHIN_S
    assert max(seen["pages"]) < PAGES_WITHIN_S
    assert max(seen["memory"]) < MOST_BYTES
