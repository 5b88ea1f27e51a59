"""`POST /v1/score`: reward models score answers. The answer has the shape of vLLM's route of that name."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psutil
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from storage import files
from storage.bases import base_models
from storage.gallery import artifacts
from storage.models import Artifact, User
from templates.errors import BadInput, StudioError, Unavailable
from workers.serving import requests
from workers.serving.requests import Message

if TYPE_CHECKING:
    from workers.preferences.reward_model import RewardModel

MAX_CONVERSATIONS = 64
MAX_LOADED = 2
IDLE_S = 5 * 60.0
HEADROOM = 1.2
"""Free memory needed to load a reward model, as a multiple of its weights."""
log = logging.getLogger(__name__)


class ScoreRequest(BaseModel):
    """The body of `POST /v1/score`."""

    model_config = ConfigDict(extra="forbid")

    model: str
    messages: list[list[Message]] = Field(min_length=1, max_length=MAX_CONVERSATIONS)
    """Conversations, each ending with the answer to score."""


@dataclass(eq=False)
class _Loaded:
    judge: RewardModel
    used_at: float = field(default_factory=time.monotonic)


class RewardModels:
    """The reward models in memory. Used from one event loop; they load and score in threads, one at a time."""

    def __init__(self) -> None:
        self._loaded: dict[str, _Loaded] = {}
        self._turn = asyncio.Lock()

    async def scores(self, user: User, asked: ScoreRequest) -> tuple[Artifact, list[float]]:
        """The reward model and its score of each conversation."""
        artifact = await asyncio.to_thread(artifacts.reward_model, user, asked.model)
        turns = [[message.model_dump() for message in conversation] for conversation in asked.messages]
        async with self._turn:
            loaded = await self._ready(artifact)
            loaded.used_at = time.monotonic()
            return artifact, await asyncio.to_thread(loaded.judge.scores, turns)

    async def unload_idle(self) -> None:
        """Free those that nobody used for a while."""
        async with self._turn:
            now = time.monotonic()
            self._loaded = {key: one for key, one in self._loaded.items() if now - one.used_at < IDLE_S}

    async def _ready(self, artifact: Artifact) -> _Loaded:
        if artifact.id not in self._loaded:
            while len(self._loaded) >= MAX_LOADED:
                del self._loaded[min(self._loaded, key=lambda key: self._loaded[key].used_at)]
            self._loaded[artifact.id] = _Loaded(await asyncio.to_thread(_load, artifact))
        return self._loaded[artifact.id]


def _load(artifact: Artifact) -> RewardModel:
    from workers.materials import model_ref
    from workers.preferences.reward_model import RewardModel

    needed = 4 * base_models.facts(artifacts.base_of(artifact)).n_parameters
    free = psutil.virtual_memory().available
    if free < HEADROOM * needed:
        what = f"“{artifact.name}” needs {HEADROOM * needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free."
        raise Unavailable(what, remedy="Try again when running jobs have ended.")
    files.verify(artifacts.folder(artifact), artifact.manifest_sha256)
    started = time.monotonic()
    try:
        judge = RewardModel.load(model_ref(artifact))
    except StudioError:
        raise
    except Exception as error:  # any error of transformers, safetensors or torch about the files
        log.exception("could not load %s", artifact.name)
        what = f"“{artifact.name}” could not be loaded: its files caused a {type(error).__name__}."
        raise StudioError(what, code="load_failed", remedy="The chat server's log says more.") from error
    log.info("loaded the reward model %s in %.1f s", artifact.name, time.monotonic() - started)
    return judge


def router(caller: Callable[[Request], User], body: Callable[[Request], Awaitable[bytes]]) -> APIRouter:
    """The route; `caller` finds the acting user, `body` reads a request."""
    made = APIRouter()

    @made.post("/v1/score")
    async def score(request: Request, user: User = Depends(caller)) -> dict[str, Any]:  # noqa: B008  FastAPI's way
        """The score of the last turn of each conversation."""
        asked = _parsed(await body(request))
        await request.app.state.machinery.residents()  # torch is there once this returns
        artifact, found = await request.app.state.machinery.reward_models.scores(user, asked)
        facts = artifacts.model_facts(artifact)
        return {
            "object": "list",
            "model": artifact.name,
            "data": [{"index": place, "object": "score", "score": one} for place, one in enumerate(found)],
            "studio": {"kind": artifact.kind, "weights_sha256": facts.weights_sha256},
        }

    return made


def _parsed(body: bytes) -> ScoreRequest:
    try:
        return ScoreRequest.model_validate_json(body)
    except ValidationError as error:
        raise BadInput(*requests.problems(error)) from error
