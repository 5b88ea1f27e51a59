"""Guessing passwords: slowed down from one address and from many, without locking the account's owner out."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest
from anyio.lowlevel import checkpoint
from fastapi import FastAPI

from app import login_limits, main
from app.login_limits import FAILURES_BEFORE_TURNS, FAILURES_PER_ADDRESS, FAILURES_PER_NAME, place_of
from app.refusals import TooManyFailures
from storage import users
from storage.models import User
from storage.settings import settings
from templates.errors import BadInput

PASSWORD = "correct horse battery"
HOME, PROXY = "192.0.2.10", "127.0.0.1"
Ask = Callable[..., httpx.Response]


@pytest.fixture
def alice(studio: User) -> User:
    return users.add("alice", PASSWORD)


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        until = self.now + seconds
        await checkpoint()
        self.now = max(self.now, until)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(login_limits, "time", made)
    monkeypatch.setattr(anyio, "sleep", made.sleep)
    return made


def asking(web: FastAPI) -> Ask:
    """A client at an address of one's choice; keeps no cookies."""

    def ask(password: str, address: str = HOME, name: str = "alice", **headers: str) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(web, client=(address, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:7860") as client:
                basic = base64.b64encode(f"{name}:{password}".encode()).decode()
                return await client.get("/api/v1/me", headers={"Authorization": f"Basic {basic}", **headers})

        return asyncio.run(send())

    return ask


@pytest.fixture
def ask(web: FastAPI, alice: User) -> Ask:
    return asking(web)


def guesses(ask: Ask, n: int, **given: Any) -> list[int]:
    return [ask(f"guess {number}", **given).status_code for number in range(n)]


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded"])
def test_an_address_cant_be_claimed(ask: Ask, header: str) -> None:
    statuses = [
        ask(f"guess {n}", PROXY, **{header: f"{'for=' if header == 'Forwarded' else ''}203.0.113.{n}"}).status_code
        for n in range(FAILURES_PER_NAME + 1)
    ]
    assert statuses == [401] * FAILURES_PER_NAME + [429]


def test_uvicorn_believes_nobody_by_itself(studio: User, no_pages: None, monkeypatch: pytest.MonkeyPatch) -> None:
    import uvicorn

    given: dict[str, Any] = {}
    monkeypatch.setattr(uvicorn, "run", lambda _app, **options: given.update(options))
    main.serve("127.0.0.1", 7860)
    assert given["proxy_headers"] is False


@pytest.fixture
def behind_proxy(alice: User, no_pages: None, monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.setenv("STUDIO_TRUSTED_PROXIES", f"{PROXY}, 10.0.0.0/8")
    settings.cache_clear()
    return asking(main.create_app())


def test_behind_a_trusted_proxy_each_client_has_its_own_limit(behind_proxy: Ask) -> None:
    for n in range(FAILURES_PER_NAME):
        # what the client itself claims stands further left
        sent = f"198.51.100.{n}, 203.0.113.7, 10.1.2.3"
        assert behind_proxy(f"guess {n}", PROXY, **{"X-Forwarded-For": sent}).status_code == 401
    assert behind_proxy("guess", PROXY, **{"X-Forwarded-For": "203.0.113.7"}).status_code == 429
    assert behind_proxy(PASSWORD, PROXY, **{"X-Forwarded-For": "203.0.113.8"}).status_code == 200
    secure = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    assert "Secure" in behind_proxy(PASSWORD, PROXY, **secure).headers["Set-Cookie"]


@pytest.mark.parametrize("trusted", ["*", "0.0.0.0/0", "::/0", "proxy.example.org", "127.0.0.1, nonsense"])
def test_trusting_everybody_or_a_name_is_refused(studio: User, trusted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_TRUSTED_PROXIES", trusted)
    settings.cache_clear()
    with pytest.raises(BadInput, match="STUDIO_TRUSTED_PROXIES"):
        settings()


def test_one_address_has_a_limit_over_all_names(ask: Ask) -> None:
    names = [f"name{n}" for n in range(FAILURES_PER_ADDRESS)]
    assert {ask("guess", name=name).status_code for name in names} == {401}
    assert ask("guess", name="another").status_code == 429
    assert ask("guess", "192.0.2.11", name="another").status_code == 401


def test_a_guesser_elsewhere_locks_nobody_out(ask: Ask) -> None:
    assert guesses(ask, FAILURES_PER_NAME + 1)[-1] == 429
    assert ask(PASSWORD, "192.0.2.77").status_code == 200


def test_many_addresses_take_turns_and_the_owner_still_gets_in(ask: Ask, clock: Clock) -> None:
    device = ask(PASSWORD).headers["Set-Cookie"].partition(";")[0]
    for n in range(FAILURES_BEFORE_TURNS):
        assert ask("guess", f"203.0.113.{n}").status_code == 401
    assert clock.waits == []
    began = clock.now
    for n in range(10):
        assert ask("guess", f"198.51.100.{n}").status_code == 401
    assert clock.now - began >= 9 * login_limits.TURN_S, "ten guesses take nine turns, however many addresses"
    assert ask(PASSWORD, "198.51.100.99").status_code == 200, "a new address waits for its turn and gets in"
    clock.waits.clear()
    assert ask(PASSWORD, "198.51.100.98", Cookie=device).status_code == 200
    assert clock.waits == [], "who has logged in before doesn't wait"
    assert ask("guess", "203.0.113.1", name="bob").status_code == 401
    assert clock.waits == [], "other names are not concerned"


def test_a_burst_of_guesses_is_no_lock_on_the_name(clock: Clock) -> None:
    limits = login_limits.LoginLimits()

    async def attempt(address: str) -> bool:
        try:
            await limits.admit(login_limits.Origin("alice", address, None))
        except TooManyFailures:
            return False
        return True

    async def burst() -> list[bool]:
        for n in range(FAILURES_BEFORE_TURNS):
            assert await attempt(f"203.0.113.{n}")
        guesses = [asyncio.ensure_future(attempt(f"198.51.100.{n}")) for n in range(100)]
        await checkpoint()
        owner = asyncio.ensure_future(attempt(HOME))
        return [await owner, *await asyncio.gather(*guesses)]

    owner, *others = asyncio.run(burst())
    assert owner, "the newest comes first"
    assert sum(others) <= login_limits.PLACES


def test_a_guessed_name_gives_each_address_few_tries(ask: Ask, clock: Clock) -> None:
    for n in range(FAILURES_BEFORE_TURNS):
        ask("guess", f"203.0.113.{n}")
    tries = guesses(ask, login_limits.FAILURES_BETWEEN_TURNS + 1)
    assert tries == [401] * login_limits.FAILURES_BETWEEN_TURNS + [429]


def test_a_name_that_does_not_exist_is_limited_alike(ask: Ask, clock: Clock) -> None:
    for n in range(FAILURES_BEFORE_TURNS + 3):
        ask("guess", f"203.0.113.{n}", name="nobody")
    assert sum(clock.waits) >= 2 * login_limits.TURN_S


def test_remembered_logins_answer_no_guesses(ask: Ask) -> None:
    assert ask(PASSWORD).status_code == 200
    for address in (HOME, "203.0.113.5"):
        assert guesses(ask, FAILURES_PER_NAME + 1, address=address)[-1] == 429
        assert ask(PASSWORD, address).status_code == 429, "else a guesser would see which password is right"


def test_a_device_is_known_for_its_own_name_only(ask: Ask) -> None:
    users.add("bob", PASSWORD)
    device = ask(PASSWORD).headers["Set-Cookie"].partition(";")[0]
    assert guesses(ask, FAILURES_PER_NAME + 1, name="bob", Cookie=device)[-1] == 429
    forged = device[:-1] + ("0" if device[-1] != "0" else "1")
    assert ask(PASSWORD, name="bob", Cookie=device).status_code == 429
    assert guesses(ask, FAILURES_PER_NAME + 1, address="192.0.2.11", Cookie=forged)[-1] == 429
    assert ask(PASSWORD, "192.0.2.11", Cookie=forged).status_code == 429
    assert ask(PASSWORD, "192.0.2.11", Cookie=device).status_code == 200
    assert guesses(ask, FAILURES_PER_NAME + 1, address="192.0.2.12", Cookie=device)[-1] == 429


def test_addresses_of_one_customer_count_as_one() -> None:
    assert place_of("2001:db8:1:2::7") == place_of("2001:db8:1:2:ffff::1") != place_of("2001:db8:1:3::7")
    assert place_of("::ffff:192.0.2.1") == place_of("192.0.2.1") == "192.0.2.1"
    assert place_of("fe80::1%eth0") == place_of("fe80::2")
    assert place_of("testclient") == "testclient"
