"""Limits on wrong passwords, which slow guessing down without locking an account's owner out.

- From one address: 10 a minute for a name, 30 in all.
- From a browser in which the name has logged in before (`app.devices`): 10 a minute, whatever happens elsewhere.
- For one name from all other places together: after 30 in a minute, the checks take turns, one every two seconds,
  the newest first, and each address gets three tries a minute. So the owner still gets in from a new address,
  however many guesses are in line already.
"""

from __future__ import annotations

import ipaddress
import time
from collections import defaultdict, deque
from typing import NamedTuple

import anyio

from app.refusals import TooManyFailures

FAILURES_PER_NAME = 10
FAILURES_PER_ADDRESS = 30
WINDOW_S = 60.0
FAILURES_BEFORE_TURNS = 30
FAILURES_BETWEEN_TURNS = 3
TURN_S = 2.0
LONGEST_WAIT_S = 10.0
PLACES = 5
"""The oldest attempts for a name are refused if more than this many wait."""
LOOK_S = 0.05
NETWORK_BITS = 64
"""One customer has at least this IPv6 network, so its addresses count as one."""

Key = tuple[str, ...]


class Origin(NamedTuple):
    """Who claims to be whom: a name, an address, and the device if the name has logged in there before."""

    name: str
    address: str
    device: str | None

    @property
    def own(self) -> Key:
        """The failures that count against this name here."""
        return ("device", self.name, self.device) if self.device else ("here", self.name, self.address)

    @property
    def counts(self) -> tuple[Key, ...]:
        """Everything that a failure counts against."""
        everywhere = () if self.device else (("name", self.name),)
        return self.own, ("address", self.address), *everywhere


def place_of(host: str) -> str:
    """The address as the limits count it."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or ipaddress.ip_network((address, NETWORK_BITS), strict=False))


class LoginLimits:
    """Wrong passwords of the last minute, and the turns of names that are being guessed at."""

    def __init__(self) -> None:
        self._times: dict[Key, deque[float]] = defaultdict(deque)
        self._next_turn: dict[str, float] = {}
        self._lines: dict[str, list[object]] = defaultdict(list)

    def check_own(self, origin: Origin) -> None:
        """Raise `TooManyFailures` after too many wrong passwords for this name from this place."""
        self._check(origin.own, FAILURES_PER_NAME)

    async def admit(self, origin: Origin) -> None:
        """Count an attempt and wait for its turn. Raises `TooManyFailures`.

        The attempt counts as failed until `forgive`, so that a burst can't outrun the count.
        """
        self._forget()
        is_guessed = not origin.device and self._n(("name", origin.name)) >= FAILURES_BEFORE_TURNS
        self._check(origin.own, FAILURES_BETWEEN_TURNS if is_guessed else FAILURES_PER_NAME)
        if not origin.device:
            self._check(("address", origin.address), FAILURES_PER_ADDRESS)
        for key in origin.counts:
            self._times[key].append(time.monotonic())
        if is_guessed:
            await self._turn(origin.name)

    def forgive(self, origin: Origin) -> None:
        """Undo the count for a check that passed."""
        for key in origin.counts:
            if times := self._times.get(key):
                times.pop()
                if not times:
                    del self._times[key]

    async def _turn(self, name: str) -> None:
        """Wait for one of the name's turns. Raises `TooManyFailures` if newer attempts take them all."""
        me, line, since = object(), self._lines[name], time.monotonic()
        line.append(me)
        del line[:-PLACES]
        try:
            while (now := time.monotonic()) < self._next_turn.get(name, 0.0) or line[-1:] != [me]:
                if me not in line or now - since >= LONGEST_WAIT_S:
                    raise _refusal(LONGEST_WAIT_S)
                await anyio.sleep(max(self._next_turn.get(name, 0.0) - now, LOOK_S))
            self._next_turn[name] = now + TURN_S
        finally:
            if me in line:
                line.remove(me)

    def _check(self, key: Key, most: int) -> None:
        if self._n(key) >= most:
            raise _refusal(WINDOW_S)

    def _n(self, key: Key) -> int:
        since = time.monotonic() - WINDOW_S
        return sum(at >= since for at in self._times.get(key, ()))

    def _forget(self) -> None:
        now = time.monotonic()
        for key, times in list(self._times.items()):
            while times and times[0] < now - WINDOW_S:
                times.popleft()
            if not times:
                del self._times[key]
        self._next_turn = {name: turn for name, turn in self._next_turn.items() if turn > now}
        for name in [name for name, line in self._lines.items() if not line]:
            del self._lines[name]


def _refusal(wait_s: float) -> TooManyFailures:
    error = TooManyFailures("Too many wrong passwords.", remedy=f"Wait {wait_s:.0f} seconds.")
    error.retry_after_s = wait_s
    return error
