"""The models in memory: one copy of each base with its adapters; evicts the least recently used first."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import psutil
import torch

from storage import files
from storage.gallery import artifacts
from templates.errors import StudioError, Unavailable
from workers.serving.catalogue import Entry
from workers.serving.decoding import BASE
from workers.serving.engine import Engine
from workers.serving.loaded import Loaded, device
from workers.serving.self_test import SelfTest

MAX_RESIDENTS = 3
MAX_ADAPTERS = 16
"""Adapters on one base; a slot is cheap, but PEFT visits each adapter in every layer."""
IDLE_S = 30 * 60.0
HEADROOM = 1.2
"""Free memory needed to load a model, as a multiple of its weights."""

Result = TypeVar("Result")
log = logging.getLogger(__name__)


@dataclass(eq=False)
class Resident:
    """A model in memory."""

    key: str
    engine: Engine
    users: int = 0
    """Number of unfinished answers; a resident with users stays."""
    used_at: float = field(default_factory=time.monotonic)
    adapter_users: dict[str, int] = field(default_factory=dict)
    """Unfinished answers by attached adapter, the least recently used first."""
    attaching: asyncio.Lock = field(default_factory=asyncio.Lock)

    def self_test(self, entry: Entry) -> SelfTest:
        """The self-test of `entry` from when it was loaded."""
        return self.engine.loaded.self_tests[entry.adapter or BASE]


class Residents:
    """The models in memory. Used from one event loop; loading runs in threads."""

    def __init__(self) -> None:
        self.device = device()
        self._residents: dict[str, Resident] = {}
        self._loading = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._residents)

    def holding(self, entry: Entry) -> Resident | None:
        """The resident that can answer for `entry` without loading."""
        resident = self._residents.get(entry.resident)
        ready = resident and (entry.adapter is None or entry.adapter in resident.adapter_users)
        return resident if ready else None

    @asynccontextmanager
    async def using(self, entry: Entry) -> AsyncIterator[Resident]:
        """The resident that answers for `entry`; loads it if necessary and keeps it in memory meanwhile."""
        resident = self._residents.get(entry.resident)
        if resident is None:
            resident = await _uninterrupted(self._load(entry))
        resident.users += 1
        try:
            if entry.adapter is None:
                yield resident
            else:
                async with self._attached(resident, entry, entry.adapter):
                    yield resident
        finally:
            resident.users -= 1
            resident.used_at = time.monotonic()

    async def unload_idle(self) -> None:
        """Free models that nobody used for a while."""
        now = time.monotonic()
        for resident in list(self._residents.values()):
            if not resident.users and now - resident.used_at > IDLE_S:
                await self._unload(resident)

    async def close(self) -> None:
        """Free everything."""
        for resident in list(self._residents.values()):
            await self._unload(resident)

    async def _load(self, entry: Entry) -> Resident:
        async with self._loading:
            if found := self._residents.get(entry.resident):
                return found
            while len(self._residents) >= MAX_RESIDENTS or not self._fits(entry):
                await self._make_room(entry)
            started = time.monotonic()
            if entry.owns_weights:
                await asyncio.to_thread(_verify, entry)
            loaded = await asyncio.to_thread(_load, entry, self.device)
            log.info("loaded %s (%s) in %.1f s", entry.name, entry.resident, time.monotonic() - started)
            resident = self._residents[entry.resident] = Resident(entry.resident, Engine(loaded))
            return resident

    def _fits(self, entry: Entry) -> bool:
        return self._free_bytes() >= HEADROOM * self._needed_bytes(entry)

    def _needed_bytes(self, entry: Entry) -> int:
        return entry.facts.n_parameters * (4 if self.device.type == "cpu" else 2)

    def _free_bytes(self) -> int:
        if self.device.type == "cuda":
            return int(torch.cuda.mem_get_info(self.device)[0])
        return int(psutil.virtual_memory().available)

    async def _make_room(self, entry: Entry) -> None:
        idle = [resident for resident in self._residents.values() if not resident.users]
        if idle:
            await self._unload(min(idle, key=lambda resident: resident.used_at))
        elif self._residents and not self._fits(entry):
            raise Unavailable(
                f"“{entry.name}” needs {HEADROOM * self._needed_bytes(entry) / 1e9:.1f} GB of memory, "
                f"{self._free_bytes() / 1e9:.1f} GB are free, and every loaded model is busy.",
                remedy="Try again in a minute.",
            )
        elif self._residents:
            raise Unavailable(
                f"{len(self._residents)} models are in memory, and all of them are busy.",
                remedy="Try again in a minute.",
            )
        else:
            raise StudioError(
                f"“{entry.name}” needs {HEADROOM * self._needed_bytes(entry) / 1e9:.1f} GB of memory and "
                f"{self._free_bytes() / 1e9:.1f} GB are free.",
                code="out_of_memory",
                remedy="Stop other programs or running jobs, or choose a smaller model.",
            )

    async def _unload(self, resident: Resident) -> None:
        del self._residents[resident.key]
        await asyncio.to_thread(resident.engine.close)
        log.info("unloaded %s", resident.key)

    @asynccontextmanager
    async def _attached(self, resident: Resident, entry: Entry, adapter: str) -> AsyncIterator[None]:
        async with resident.attaching:
            if adapter not in resident.adapter_users:
                await _uninterrupted(self._attach(resident, entry, adapter))
        # Removed and inserted again, so that the least recently used come first.
        resident.adapter_users[adapter] = resident.adapter_users.pop(adapter) + 1
        try:
            yield
        finally:
            resident.adapter_users[adapter] -= 1

    async def _attach(self, resident: Resident, entry: Entry, adapter: str) -> None:
        await asyncio.to_thread(_verify, entry)
        idle = [name for name, users in resident.adapter_users.items() if not users]
        if len(resident.adapter_users) >= MAX_ADAPTERS and idle:
            del resident.adapter_users[idle[0]]
            await asyncio.wrap_future(resident.engine.call(partial(resident.engine.loaded.detach, idle[0])))
        try:
            await asyncio.wrap_future(resident.engine.call(partial(resident.engine.loaded.attach, entry)))
        except Exception as error:  # a failed self-test, or any error of PEFT and torch about the files
            if resident.engine.loaded.spoiled:
                await self._unload(resident)
            raise error if isinstance(error, StudioError) else _not_loaded(entry, error) from error
        resident.adapter_users[adapter] = 0


async def _uninterrupted(work: Coroutine[None, None, Result]) -> Result:
    """Let the load finish even if its caller is cancelled; half a load would need cleaning up."""
    return await asyncio.shield(asyncio.create_task(work))


def _verify(entry: Entry) -> None:
    """Check an artifact's files against the checksums recorded when it was published."""
    if entry.artifact:
        files.verify(artifacts.folder(entry.artifact), entry.artifact.manifest_sha256)


def _load(entry: Entry, on: torch.device) -> Loaded:
    try:
        return Loaded(entry.weights_folder, on)
    except StudioError:
        raise
    except Exception as error:  # any error of transformers, safetensors or torch about the files
        raise _not_loaded(entry, error) from error


def _not_loaded(entry: Entry, error: Exception) -> StudioError:
    log.error("could not load %s", entry.name, exc_info=error)
    return StudioError(
        f"“{entry.name}” could not be loaded: its files caused a {type(error).__name__}.",
        code="load_failed",
        remedy="The chat server's log says more.",
    )
