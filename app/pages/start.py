"""Start: the drop zone, a first real model, your jobs in brief, and what this machine has."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr
from markupsafe import Markup

from app import chat_client
from app.markup import html
from app.pages import drop, job_list, real_model
from app.pages.alerts import guarded
from app.pages.who import acting
from storage.jobs import worker_rows
from storage.models import Worker
from templates.errors import Unavailable

POLL_S = 3.0
LEAD = "Adapt a language model to your data — and see whether it helped."


def build(demo: gr.Blocks, alert: gr.HTML) -> None:
    """The page `/`."""
    gr.HTML(html("welcome"), elem_classes="welcome")
    drop.draw(alert)
    real_model.draw(demo, alert)
    state = gr.HTML(elem_id="state")
    timer = gr.Timer(POLL_S)
    demo.load(guarded(1)(present), None, state, show_progress="hidden")
    timer.tick(guarded(1)(present), None, state, queue=False, show_progress="hidden")


def present(request: gr.Request) -> Markup:
    """Running jobs and available hardware."""
    return html("start", jobs=job_list.in_brief(acting(request)), workers=_workers(), chat=_chat())


@dataclass(frozen=True)
class Shown:
    """A worker in words."""

    device: str
    free: int | None
    doing: str
    slots: int


def _workers() -> list[Shown]:
    return [_worker(worker) for worker in worker_rows.alive()]


def _worker(worker: Worker) -> Shown:
    device = "CPU" if worker.device == "cpu" else worker.device
    doing = "draining" if worker.draining else "busy" if worker.busy >= worker.slots else "ready"
    return Shown(device, worker.memory_free_bytes, doing, worker.slots)


def _chat() -> bool | None:
    """Whether the chat server is ready; None where it does not run."""
    try:
        return chat_client.health().ready
    except Unavailable:
        return None
