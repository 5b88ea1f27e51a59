"""Start: the drop zone; and for who comes back, what runs, what ended and what this machine has."""

from __future__ import annotations

import gradio as gr

from app import chat_client
from app.formats import escaped, plural, size
from app.pages import drop, job_views
from app.pages.alerts import guarded
from app.pages.who import acting
from storage.jobs import worker_rows
from storage.models import Worker
from templates.errors import Unavailable

POLL_S = 3.0
LEAD = "Adapt a language model to your data — and see whether it helped."
WORDS = (
    "<p>Drop a file with examples of what the model should do. You see exactly what it will be taught, launch, and "
    "watch it learn. Then it is measured against the untouched model on rows it has never seen, and you can talk to "
    "both, side by side.</p>"
)


def build(demo: gr.Blocks, alert: gr.HTML) -> None:
    """The page `/`."""
    gr.HTML(WORDS, elem_classes="welcome")
    drop.draw(alert)
    state = gr.HTML(elem_id="state")
    timer = gr.Timer(POLL_S)
    demo.load(guarded(1)(present), None, state, show_progress="hidden")
    timer.tick(guarded(1)(present), None, state, queue=False, show_progress="hidden")


def present(request: gr.Request) -> str:
    """What runs and what is there."""
    user = acting(request)
    lines = job_views.in_brief(user)
    doing = f'<ul class="brief">{lines}</ul>' if lines else ""
    return f'{doing}<p class="machine">{machine()}</p>'


def machine() -> str:
    """The workers and the chat server in one line."""
    workers = worker_rows.alive()
    words = [_worker(worker) for worker in workers]
    if not words:
        words = ["no worker is running: jobs wait until one starts (<code>studio worker</code>)"]
    words.append(_chat())
    return "This machine: " + " · ".join(words)


def _worker(worker: Worker) -> str:
    device = "CPU" if worker.device == "cpu" else worker.device
    doing = "draining" if worker.draining else "busy" if worker.busy >= worker.slots else "ready"
    free = f", {size(worker.memory_free_bytes)} free" if worker.memory_free_bytes else ""
    return f"{escaped(device)}{free} · worker {doing} ({plural(worker.slots, 'job')} at a time)"


def _chat() -> str:
    try:
        return "chat ready" if chat_client.health().ready else "chat is starting"
    except Unavailable:
        return "chat is not running (<code>studio serve</code>)"
