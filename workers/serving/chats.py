"""Turns a request into the events of its answer."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from templates.errors import BadInput, Problem, StudioError
from workers.serving import label_choices
from workers.serving.answers import Answer
from workers.serving.catalogue import Entry
from workers.serving.decoding import BASE, Row
from workers.serving.events import Broke, Ended, Event, Piece
from workers.serving.label_choices import LabelChoice
from workers.serving.requests import ChatRequest
from workers.serving.residents import Residents
from workers.serving.streams import Completion, identity
from workers.serving.token_scores import TokenScores

DEFAULT_MAX_TOKENS = 512
"""Longest answer if the request sets no limit and the context has room."""


class Chat:
    """An answer in progress."""

    def __init__(self, completion: Completion, events: asyncio.Queue[Event]):
        self.completion = completion
        self._events = events

    async def pieces(self) -> AsyncIterator[Piece | Ended]:
        """Stream text as it becomes certain, then how the answer ended. Raises `StudioError` on failure."""
        while True:
            event = await self._events.get()
            if isinstance(event, Broke):
                raise StudioError(
                    f"The answer broke off: {event.why}.",
                    code="decoding_failed",
                    remedy="Try again; the chat server's log says more.",
                )
            yield event
            if isinstance(event, Ended):
                return


def _strength(entry: Entry, request: ChatRequest) -> dict[str, float]:
    """How much of the adapter answers; nothing for a base model."""
    return {"strength": request.strength} if entry.adapter else {}


@asynccontextmanager
async def choosing(
    residents: Residents, entry: Entry, request: ChatRequest, choice: LabelChoice
) -> AsyncIterator[Chat]:
    """Load the model and let it choose a label; the last event tells the probabilities."""
    entry.require_strength(request.strength)
    async with residents.using(entry) as resident:
        loaded, messages = resident.engine.loaded, [message.model_dump() for message in request.messages]
        prompt = await asyncio.to_thread(loaded.renderer.answer_prompt, messages)
        endings = await asyncio.to_thread(choice.endings, loaded.renderer)
        adapter = entry.adapter or BASE
        whole = loaded.prompt(prompt, adapter)
        _room(entry, len(whole), max(map(len, endings)))
        events: asyncio.Queue[Event] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def tell(event: Event) -> None:
            loop.call_soon_threadsafe(events.put_nowait, event)

        resident.engine.call(partial(label_choices.answer, loaded, whole, adapter, choice, endings, tell))
        told = {**identity(entry, resident), **_strength(entry, request), "seed": request.seed}
        yield Chat(Completion(entry.name, len(prompt), told), events)


@asynccontextmanager
async def answering(residents: Residents, entry: Entry, request: ChatRequest) -> AsyncIterator[Chat]:
    """Load the model and start the answer; leaving the block early cancels it."""
    entry.require_strength(request.strength)
    async with residents.using(entry) as resident:
        renderer = resident.engine.loaded.renderer
        prompt = await asyncio.to_thread(renderer.prompt, [message.model_dump() for message in request.messages])
        whole = resident.engine.loaded.prompt(prompt, entry.adapter or BASE)
        max_tokens = _room(entry, len(whole), request.wanted_tokens)
        seed = secrets.randbelow(2**31) if request.seed is None else request.seed
        events: asyncio.Queue[Event] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def tell(event: Event) -> None:
            loop.call_soon_threadsafe(events.put_nowait, event)

        row = Row(
            prompt=whole,
            adapter=entry.adapter or BASE,
            answer=Answer(
                renderer.decode_all,
                request.stop,
                reasoning=renderer.stream(),
                clean=renderer.without_control_tokens,
            ),
            tell=tell,
            eos_ids=frozenset(renderer.eos_ids),
            max_tokens=max_tokens,
            strength=request.strength,
            temperature=request.temperature,
            top_p=request.top_p,
            seed=seed,
            scores=_scores(request, renderer.decode_all, prompt),
        )
        resident.engine.submit(row)
        told = {**identity(entry, resident), **_strength(entry, request), "seed": seed}
        completion = Completion(entry.name, len(prompt), told)
        try:
            yield Chat(completion, events)
        finally:
            row.cancelled = True


def _scores(request: ChatRequest, decode: Callable[[list[int]], str], prompt: list[int]) -> TokenScores | None:
    return TokenScores(decode, prompt[-1], request.top_logprobs or 0) if request.logprobs else None


def _room(entry: Entry, n_prompt: int, wanted: int | None) -> int:
    """The answer's length limit. Raises `BadInput` if prompt and answer don't fit the context."""
    context = entry.facts.context_length
    room = context - n_prompt
    if room < max(1, wanted or 1):
        asked = f" and an answer of up to {wanted} are" if wanted else " is"
        remedy = f"Ask for at most {room} tokens, or shorten the conversation." if room > 0 else "Shorten it."
        raise BadInput(
            Problem(
                f"the conversation of {n_prompt} tokens{asked} too long for “{entry.name}”, which reads {context}.",
                field="messages",
                remedy=remedy,
            ),
            code="context_length_exceeded",
        )
    return wanted or min(DEFAULT_MAX_TOKENS, room)
