"""Fixtures that every part shares: a fresh studio, the bundled base, and a tiny random model."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from argon2 import PasswordHasher
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from storage import db, migrate, passwords, users
from storage.jobs import queue
from storage.models import User
from storage.settings import settings
from tests.played_hub import PlayedHub, playing
from tests.storage.data.intake.mutants import shares

os.environ["GOMP_SPINCOUNT"] = "2000"  # before any test loads torch: the suite shares its cores with children
os.environ["STUDIO_FORGETTING_ITEMS"] = "0"  # costs seconds in every training, and has tests of its own

QUICK_HASHES = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""The product's take 64 MiB and a tenth of a second; `test_passwords.py` tries those."""

HERE = Path(__file__).parent
MODELS = HERE.parent / "templates" / "models"
TOGETHER = ("e2e", "faults")
"""Folders whose tests stay in one process of several: they share a browser and servers, and mostly wait."""


def _group(nodeid: str) -> str:
    """What stays in one process: a folder of those above, else a file, whose fixtures serve all its tests."""
    path = PurePosixPath(nodeid.partition("::")[0]).relative_to("tests")
    return path.parts[0] if path.parts[0] in TOGETHER else path.as_posix()


class Grouped(LoadScopeScheduling):
    """Hands whole groups to the processes. `--dist loadgroup` does not: pytest 9.2 ignores the names it gives."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Grouped:
    return Grouped(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long is handed out first."""
    slow = {_group(item.nodeid) for item in items if item.get_closest_marker("slow")}
    groups = {item: _group(item.nodeid) for item in items}
    items.sort(key=lambda item: (groups[item] not in TOGETHER, groups[item] not in slow))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(shares.told())


def forget_caches() -> None:
    """Make this process read its settings again and open new connections."""
    if db.engine.cache_info().currsize:
        db.engine().dispose()
    for cached in (settings, db.engine, queue.celery, passwords._nobodys):
        cached.cache_clear()


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database of the newest schema, to be copied."""
    folder = tmp_path_factory.mktemp("schema")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDIO_DATA_DIR", str(folder))
        forget_caches()
        migrate.upgrade()
        forget_caches()
    return folder / "studio.db"


@pytest.fixture
def studio(tmp_path: Path, migrated_database: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[User]:
    """A fresh studio of its own; gives the local user."""
    folder = tmp_path / "studio"
    folder.mkdir()
    shutil.copy(migrated_database, folder / "studio.db")
    monkeypatch.setenv("STUDIO_DATA_DIR", str(folder))
    monkeypatch.setattr(passwords, "hasher", lambda: QUICK_HASHES)
    forget_caches()
    yield users.local()
    forget_caches()


@pytest.fixture(autouse=True, scope="session")
def weights_compared_here() -> Iterator[None]:
    """Compare weights in this process, which has imported torch; `test_weights_comparison.py` uses the real one."""
    from storage.bases import weights_comparison

    def compared(folder: Path) -> str:
        from workers import weight_check

        return weight_check.wrong(folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights_comparison, "compared", compared)
        yield


@pytest.fixture(scope="session")
def nano_folder() -> Path:
    """The bundled base model."""
    return MODELS / "studio-nano"


@pytest.fixture(scope="session")
def tiny_model_folder(tmp_path_factory: pytest.TempPathFactory, nano_folder: Path) -> Path:
    """Two random layers of width 64 with the bundled tokenizer and template: loads in milliseconds."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.set_num_threads(1)
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("tiny")
    config = LlamaConfig(
        vocab_size=4864,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=2,
        pad_token_id=3,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        shutil.copy(nano_folder / name, folder / name)
    return folder


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[PlayedHub]:
    """A hub and a package index of its own, which this studio uses."""
    with playing() as played:
        monkeypatch.setenv("HF_ENDPOINT", played.url)
        monkeypatch.setenv("PIP_INDEX_URL", f"{played.url}/simple")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield played
