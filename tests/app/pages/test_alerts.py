"""The pages' door: what takes long behind it is shown as it goes on, and what goes wrong is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import gradio as gr
import pytest
from gradio_client import Client
from gradio_client.client import Job

from app.pages.alerts import guarded
from storage import progress
from templates.errors import BadInput

WITHIN_S = 60


class Work:
    """A piece of work that stands still in its middle until somebody has seen it."""

    def __init__(self) -> None:
        self.seen = threading.Event()

    def do(self, text: str) -> tuple[str, str]:
        with progress.step(f"Reading {text}"):
            progress.at(0.5)
            if not self.seen.wait(WITHIN_S):
                raise BadInput("nobody has seen it.")
        return "", text.upper()


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    return Work()


@pytest.fixture
def page(work: Work) -> Iterator[Client]:
    """A page with one button, and a caller of it."""
    with gr.Blocks(analytics_enabled=False) as demo:
        text, alert = gr.Textbox(), gr.HTML()
        gr.Button().click(guarded(2)(work.do), text, [alert, text], api_name="do")
    _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False)
    yield Client(address, verbose=False, analytics_enabled=False)
    demo.close()


def _shown(job: Job) -> list[tuple[str | None, float | None]]:
    return [(unit.desc, unit.progress) for unit in job.status().progress_data or ()]


def test_how_far_it_is_is_shown_before_it_is_done(page: Client, work: Work) -> None:
    job = page.submit("rows.csv", api_name="/do")
    until = threading.Event()
    for _ in range(WITHIN_S * 20):
        if ("Reading rows.csv", 0.5) in _shown(job):
            break
        assert not job.done()
        until.wait(0.05)
    else:
        pytest.fail(f"shown was {_shown(job)}")
    work.seen.set()
    assert job.result(WITHIN_S) == ("", "ROWS.CSV")
