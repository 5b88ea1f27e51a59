"""Addresses of services: which may be asked, and whose key goes where."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from storage import credentials, endpoints, users
from storage.models import User
from storage.settings import settings
from templates.errors import BadInput, NotAllowed, StudioError
from tests.conftest import forget_caches

PASSWORD = "correct horse"
KEY = "sk-0123456789abcdef"


def allow(monkeypatch: pytest.MonkeyPatch, entries: str) -> None:
    monkeypatch.setenv("STUDIO_ALLOWED_ENDPOINTS", entries)
    forget_caches()


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        (" https://api.example.com/v1/ ", "https://api.example.com/v1"),
        ("https://api.example.com/v1/chat/completions", "https://api.example.com/v1"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
    ],
)
def test_an_address(typed: str, url: str) -> None:
    assert endpoints.parse(typed).url == url


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "api.example.com",
        "ftp://x/v1",
        "https://me:pw@x/v1",
        "https://x/v1?key=1",
        "https://x:y/v1",
        "https://exa mple/v1",
        "https://[::1/v1",
        "https://xn--a/v1",
        "https://999.999.1.1/v1",
        "https://x /",
        "https://",
    ],
)
def test_no_address(typed: str) -> None:
    with pytest.raises(BadInput):
        endpoints.parse(typed)


def allowed(url: str) -> bool | None:
    """Whether it may be asked; True if only in public networks."""
    try:
        return endpoints.refuse_forbidden(endpoints.parse(url))
    except NotAllowed:
        return None


def test_without_accounts_any_until_some_are_listed(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    assert allowed("http://127.0.0.1:8000/v1") is False
    allow(monkeypatch, "https://api.example.com/v1")
    assert allowed("http://127.0.0.1:8000/v1") is None


def test_with_accounts_only_listed_ones(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    users.add("ann", PASSWORD)
    assert allowed("https://api.example.com/v1") is None
    allow(monkeypatch, "https://api.example.com/v1, http://10.0.0.5:8000")
    assert allowed("https://api.example.com/v1") is False
    assert allowed("https://API.example.com:443/v1/deployments/a") is False
    assert allowed("http://10.0.0.5:8000/v1") is False, "an administrator named this private address"
    for other in (
        *("https://api.example.com/v2", "https://api.example.com/v1x", "http://api.example.com/v1"),
        *("https://api.example.com/v1/../v2", "https://api.example.com/v1/%2e%2e/v2", "http://10.0.0.5:8001"),
        *("https://api.example.com.evil.org/v1", "https://evil.org/https://api.example.com/v1"),
    ):
        assert allowed(other) is None, other


def test_public_means_no_private_network(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    users.add("ann", PASSWORD)
    allow(monkeypatch, "public, http://192.168.1.4")
    assert allowed("https://api.example.com/v1") is True
    assert allowed("http://192.168.1.4/v1") is False
    for url in (
        "http://api.example.com/v1",
        "https://127.0.0.1/v1",
        "https://[::1]/v1",
        "https://10.1.2.3",
        "https://[::ffff:10.1.2.3]",
    ):
        assert allowed(url) is None, url


def resolving(monkeypatch: pytest.MonkeyPatch, *numbers: str) -> None:
    def found(*_args: Any, **_kwargs: Any) -> Any:
        if not numbers:
            raise socket.gaierror("unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, 443)) for number in numbers]

    monkeypatch.setattr(socket, "getaddrinfo", found)


def test_a_public_name_must_not_lead_into_a_private_network(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = endpoints.parse("https://api.example.com/v1")
    resolving(monkeypatch, "93.184.216.34")
    assert endpoints.public_number(endpoint) == "93.184.216.34"
    for numbers in (("93.184.216.34", "169.254.169.254"), ("::1",), ("100.64.0.1",)):
        resolving(monkeypatch, *numbers)
        with pytest.raises(NotAllowed, match="private network"):
            endpoints.public_number(endpoint)
    resolving(monkeypatch)
    with pytest.raises(StudioError, match=r"no host api\.example\.com"):
        endpoints.public_number(endpoint)


def test_a_key_belongs_to_one_person_and_origin(studio: User) -> None:
    here, there = endpoints.parse("https://api.example.com/v1"), endpoints.parse("https://other.example.com/v1")
    endpoints.keep_key(studio, here, KEY)
    credentials.keep(studio.id, credentials.HUB, "hf_1234567890")
    found = endpoints.key_of(studio, endpoints.parse("https://api.example.com/v2"))
    assert found is not None
    assert found.get_secret_value() == KEY
    assert endpoints.key_of(studio, there) is None
    assert endpoints.key_of(users.add("ann", PASSWORD), here) is None
    assert endpoints.origins_with_key(studio) == ["https://api.example.com:443"]
    assert [p for p in settings().root.rglob("*") if p.is_file() and KEY.encode() in p.read_bytes()] == []
    assert endpoints.forget_key(studio, here)
    assert endpoints.origins_with_key(studio) == []


def test_an_unreadable_key_names_the_address(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = endpoints.parse("https://api.example.com/v1")
    endpoints.keep_key(studio, endpoint, KEY)
    monkeypatch.setenv("STUDIO_SECRET_KEY", "another long random key")
    forget_caches()
    with pytest.raises(StudioError, match=r"token for https://api\.example\.com:443 can't be read"):
        endpoints.key_of(studio, endpoint)


def test_a_setting_that_is_no_address(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, "https://fine/v1, nonsense")
    with pytest.raises(BadInput, match="“nonsense” is neither"):
        settings()
