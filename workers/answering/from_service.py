"""A service that speaks OpenAI's protocol answers prompts.

Each answer is sealed as it comes. Requests run side by side within limits; those that fail are sent again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from storage import endpoints
from storage.endpoints import PATH, Endpoint
from templates import instructions
from templates.errors import BadInput, StudioError
from workers.answering import prompts as asked_prompts
from workers.answering import replies, sealed_answers
from workers.answering.pace import MOST_TRIES, Pace
from workers.answering.prompts import Left, Prompt
from workers.answering.replies import Again, Asked, PromptRefused, Reply
from workers.answering.sealed_answers import Key, SealedAnswers
from workers.answering.spoken import Spoken
from workers.answering.usage import Usage
from workers.evaluation.generation import Interrupted
from workers.evaluation.progress import Channel
from workers.orders.generate import GenerationOrder, Service
from workers.protocol import Advanced, Noted, Planned

CONNECT_S = 20.0
LOOK_S = 0.2
GRACE_S = 8.0
"""How long an attempt that must stop waits for the answers on their way: they are paid for."""
MOST_BYTES = 32 * 1024 * 1024
MOST_REFUSED = 10
"""If so many first prompts are refused and nothing is answered, the request itself must be wrong."""
COUNTS_S, TROUBLE_S = 15.0, 5.0
"""How often the job's page is told of tokens, and of trouble."""
SEEDS = 2**31
log = logging.getLogger("studio.child")


class ServiceTeacher:
    """A model behind an address."""

    def __init__(self, order: GenerationOrder, service: Service) -> None:
        self._order, self._service = order, service
        key = order.api_key.get_secret_value() if order.api_key else ""
        self._endpoint = Endpoint(service.url)
        self._asked = Asked(self._endpoint.host, service.model, service.url + PATH, key)
        self._limit, self._sends_seed = "max_tokens", True
        self._usage = Usage(service.params)
        self._n_refused = 0
        os.environ.update({name: value.get_secret_value() for name, value in order.network.items()})
        logging.getLogger("httpx").setLevel(logging.WARNING)  # else a line for each request

    def read(self) -> tuple[list[Prompt], Left]:
        """All prompts but those with tools, and the rows of the others."""
        return asked_prompts.read(self._order, _without_tools)

    def answer(self, prompts: Sequence[Prompt], channel: Channel) -> dict[int, Spoken]:
        """What it said: answer `sample` to the prompt at `place` has the key `place * answers per prompt + sample`.

        Raises `Interrupted` if the worker no longer wants the result, and `StudioError` in the words of the service.
        """
        n = self._order.params.num_return_sequences
        wanted = [(prompt, (prompt.row_number, sample)) for prompt in prompts for sample in range(n)]
        with sealed_answers.opened(Path(self._order.asked_folder), lambda: channel.abandoned) as sealed:
            known = {key for _, key in wanted} & sealed.replies.keys()
            self._usage.begin([sealed.replies[key] for key in known])
            channel.send(Planned(start_step=len(known), total_steps=len(wanted)))
            missing = [(prompt, key) for prompt, key in wanted if key not in known]
            failures = asyncio.run(self._ask_all(missing, sealed, channel, len(wanted))) if missing else {}
            told = {key: reply.spoken for key, reply in sealed.replies.items()} | failures
        return {place: told[key] for place, (_, key) in enumerate(wanted)}

    def result(self) -> dict[str, Any]:
        """What the job's result says of it besides its answers."""
        without_seed = {} if self._sends_seed else {"ignored": ["seed"]}
        return {"usage": self._usage.document(), **without_seed}

    def remarks(self) -> list[str]:
        """What the job's sentence says of it: what it cost, and what it did not take."""
        said = [f"{self._asked.host} counted {self._usage.words()}."]
        return said if self._sends_seed else [*said, "It takes no seed, so asking again may give other answers."]

    async def _ask_all(
        self, missing: Sequence[tuple[Prompt, Key]], sealed: SealedAnswers, channel: Channel, n_all: int
    ) -> dict[Key, Spoken]:
        """Ask for all missing answers; returns those that the service refused to give."""
        failures: dict[Key, Spoken] = {}
        waiting = iter(missing)
        started, n_before = time.monotonic(), n_all - len(missing)
        notes = _Notes(channel, self._usage)
        pace = Pace(self._service.params, self._asked.host, notes.trouble)

        def came(key: Key, told: Reply | Spoken) -> None:
            if isinstance(told, Reply):
                sealed.add(key, told)
                self._usage.add(told)
            else:
                failures[key] = told
            n_done = n_before + self._usage.n_answers + len(failures)
            each_s = (time.monotonic() - started) / (n_done - n_before)
            channel.send(Advanced(step=n_done, eta_s=each_s * (n_all - n_done)))
            notes.counts()

        async def ask_on(client: httpx.AsyncClient) -> None:
            for prompt, key in waiting:  # shared: each takes the next
                if channel.abandoned:
                    return
                came(key, await self._persist(client, prompt, key, pace))

        async with self._client() as client:
            asking = [asyncio.ensure_future(ask_on(client)) for _ in range(self._service.params.concurrency)]
            await _finished(asking, lambda: channel.abandoned)
        notes.counts(at_once=True)
        return failures

    def _client(self) -> httpx.AsyncClient:
        key = self._asked.secret
        timeout = httpx.Timeout(self._service.params.timeout_s, connect=CONNECT_S)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        limits = httpx.Limits(max_connections=self._service.params.concurrency)
        return httpx.AsyncClient(timeout=timeout, headers=headers, limits=limits, follow_redirects=False)

    async def _persist(self, client: httpx.AsyncClient, prompt: Prompt, key: Key, pace: Pace) -> Reply | Spoken:
        """Ask until there is an answer, or until it is clear that there won't be one."""
        since, n_tries = time.monotonic(), 0
        while True:
            await pace.turn()
            request = self._request(prompt, key)
            try:
                reply = await self._ask(client, request)
            except PromptRefused as error:
                if not self._adapt(request, str(error)):
                    return self._refused(str(error))
            except Again as error:
                n_tries += 1
                if n_tries >= MOST_TRIES and pace.succeeded_at > since:
                    return Spoken("", None, True, failure=f"{n_tries} requests failed, the last because {error}.")
                await pace.after(error, n_tries)
            else:
                pace.succeeded()
                return reply

    async def _ask(self, client: httpx.AsyncClient, request: dict[str, Any]) -> Reply:
        where, options = self._asked.url, dict[str, Any]()
        if self._service.only_public:
            where, options = await asyncio.to_thread(self._pinned)
        try:
            async with client.stream("POST", where, json=request, **options) as answer:
                body = await _whole(answer)
                return replies.read(answer.status_code, answer.headers, body, self._asked)
        except httpx.TimeoutException as error:
            raise Again(f"{self._asked.host} gave no answer in {self._service.params.timeout_s:g} s") from error
        except httpx.RequestError as error:  # also a body that can't be unpacked
            raise Again(f"the connection to {self._asked.host} failed ({type(error).__name__})") from error

    def _pinned(self) -> tuple[str, dict[str, Any]]:
        """The address with the host's number in place of its name, once that is known to be public."""
        number, parts = endpoints.public_number(self._endpoint), urlsplit(self._asked.url)
        host = f"[{number}]" if ":" in number else number
        where = urlunsplit(parts._replace(netloc=f"{host}:{parts.port or 443}"))
        return where, {"headers": {"Host": parts.netloc}, "extensions": {"sni_hostname": self._endpoint.host}}

    def _request(self, prompt: Prompt, key: Key) -> dict[str, Any]:
        params = self._order.params
        document: dict[str, Any] = {
            "model": self._service.model,
            "messages": [_turn(turn) for turn in instructions.given(prompt.turns, self._order.instruction)],
            self._limit: params.max_new_tokens,
            "temperature": params.temperature,
        }
        if params.top_p < 1:
            document["top_p"] = params.top_p
        if self._sends_seed:
            document["seed"] = (params.seed + key[0] * 1_000_003 + key[1]) % SEEDS  # another for each answer
        return document

    def _adapt(self, request: dict[str, Any], words: str) -> bool:
        """Whether the next request will differ from this one in what its refusal names."""
        if "max_tokens" in request and "max_completion_tokens" in words:
            self._limit = "max_completion_tokens"
        elif "seed" in request and "seed" in words.lower():
            log.info("%s takes no seed", self._asked.host)
            self._sends_seed = False
        else:
            return False
        return True

    def _refused(self, words: str) -> Spoken:
        self._n_refused += 1
        if self._n_refused >= MOST_REFUSED and not self._usage.n_all:
            raise StudioError(
                f"{self._asked.host} refuses the requests: {words}",
                code="requests_refused",
                remedy="Change the settings that it names, or ask another model.",
            )
        return Spoken("", None, True, failure=f"The service refused the prompt: {words}")


class _Notes:
    """What the job's page is told about the requests."""

    def __init__(self, channel: Channel, usage: Usage) -> None:
        self._channel, self._usage = channel, usage
        self._told_at = {True: 0.0, False: 0.0}

    def trouble(self, words: str) -> None:
        log.info("%s", words)
        self._tell(words)

    def counts(self, *, at_once: bool = False) -> None:
        self._tell("", at_once=at_once)

    def _tell(self, trouble: str, *, at_once: bool = False) -> None:
        now, is_trouble = time.monotonic(), bool(trouble)
        if at_once or now - self._told_at[is_trouble] >= (TROUBLE_S if is_trouble else COUNTS_S):
            self._told_at[is_trouble] = now
            self._channel.send(Noted(kind="asked", data={"usage": self._usage.words(), "trouble": trouble}))


async def _finished(asking: Sequence[asyncio.Future[None]], stopped: Callable[[], bool]) -> None:
    """Wait for all; raises the first error, and `Interrupted` after a grace once the job must stop."""
    try:
        pending, stop_by = set(asking), float("inf")
        while pending:
            done, pending = await asyncio.wait(pending, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
            if stopped():
                stop_by = min(stop_by, time.monotonic() + GRACE_S)
            if time.monotonic() > stop_by:
                break
        if stopped():
            raise Interrupted
    finally:
        for one in asking:
            one.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


async def _whole(answer: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) > MOST_BYTES:
            raise Again("the service sent more than an answer can hold")
    return bytes(body)


def _without_tools(_turns: list[dict[str, Any]], tools: list[dict[str, Any]]) -> list[int]:
    if tools:
        raise BadInput("it offers tools, which are not sent to a service.")
    return []


def _turn(turn: Mapping[str, Any]) -> dict[str, Any]:
    """A turn as services take it: without the reasoning of earlier answers."""
    return {key: value for key, value in turn.items() if key != "reasoning_content"}
