"""A real studio (web, worker, chat server) and a real browser."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

READY_S = 120
EXPECT_MS = 30_000
"""How long a page may take to show what is expected: it shares two cores with the other tests."""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]


expect.set_options(timeout=EXPECT_MS)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`studio up` in a data folder of its own; gives the address of the web."""
    port, folder = free_port(), tmp_path_factory.mktemp("studio")
    variables = {"STUDIO_DATA_DIR": str(folder), "STUDIO_CHAT_PORT": str(free_port()), "STUDIO_PORT": str(port)}
    log = (folder / "up.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "up", "--port", str(port)],
        env={**os.environ, **variables},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        yield _when_ready(f"http://127.0.0.1:{port}/", process, folder / "up.log")
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
        log.close()


def _when_ready(address: str, process: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + READY_S
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{address}readyz", trust_env=False).is_success:
                return address
        except httpx.TransportError:
            pass  # not yet
        time.sleep(0.2)
    raise RuntimeError(f"the studio did not get ready:\n{log.read_text('utf-8', 'replace')[-3000:]}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, as the system has it. Not for the session: Playwright's event loop would go on under other tests."""
    if CHROMIUM is None:
        pytest.fail("Chromium is missing: `make chromium`, or apt-get install chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


class Watched:
    """What a page asked for and complained about."""

    def __init__(self, page: Page, address: str):
        self.foreign: list[str] = []
        self.failed: list[str] = []
        self.exceptions: list[str] = []
        page.on(
            "request", lambda r: None if r.url.startswith((address, "data:", "blob:")) else self.foreign.append(r.url)
        )
        page.on("response", lambda r: self.failed.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        page.on("pageerror", lambda error: self.exceptions.append(str(error)))


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A fresh page of the studio's width at a desk, which must load nothing from elsewhere."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    watched = Watched(opened, address)
    yield opened
    context.close()
    assert watched.foreign == []
    assert watched.failed == []
    assert watched.exceptions == []
