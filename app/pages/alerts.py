"""Errors at the top of a page: what happened, where, what to do. Nothing typed is lost.

`guarded` wraps the pages' handlers: they either answer or show an alert, never a traceback. Long work
shows its progress, if the event displays progress at all.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ParamSpec

import gradio as gr
from anyio import to_thread
from gradio.context import LocalContext
from markupsafe import Markup

from app import notify, turns
from app.markup import html
from app.pages.who import acting, asked
from storage import progress
from storage.data.answers.answer_filter import filters
from templates import registry
from templates.errors import Problem, StudioError
from templates.service import ServiceParams

P = ParamSpec("P")
CLEAR = ""
IN_LINE = 12
"""Events with long work that one person may have running and waiting, at most: fewer than Gradio runs in all."""
FOCUS_JS = "() => setTimeout(() => document.querySelector('[role=alert]')?.focus(), 120)"
"""After an event that may have failed: take the reader to the alert."""


def titles() -> dict[str, str]:
    """Every setting's name, with its title in forms."""
    declared = [o.params for o in registry.objectives().values()] + [m.params for m in registry.methods().values()]
    declared += [kind.params for kind in registry.job_kinds().values() if kind.params]
    declared += [ServiceParams, *(one.params for one in filters().values())]
    return {name: info.title or name for params in declared for name, info in params.model_fields.items()}


def html_of(error: StudioError) -> Markup:
    """All of an error's problems, as an alert that takes the focus."""
    known = titles()
    return html("alert", problems=[(problem, _title(problem, known)) for problem in error.problems])


def _title(problem: Problem, known: Mapping[str, str]) -> str:
    """The field's title as shown to the reader."""
    titles_here = {} if problem.file else known  # a column may have the name of a setting
    return titles_here.get(problem.field, problem.field) if problem.field else ""


def done(sentence: str) -> Markup:
    """A discreet message that something worked."""
    return html("done", sentence=sentence)


def _show(step: str, share: float | None) -> None:
    gr.Progress()(share, desc=step)  # finds the event by the current thread


def _shown(error: Exception, n_outputs: int, alert: int) -> Any:
    shown = html_of(notify.told(error))
    return shown if n_outputs == 1 else [shown if i == alert else gr.skip() for i in range(n_outputs)]


def guarded(n_outputs: int, *, alert: int = 0) -> Callable[[Callable[P, Any]], Callable[P, Any]]:
    """Make a handler show its errors in output number `alert`; its other outputs then don't change."""

    def door(handler: Callable[P, Any]) -> Callable[P, Any]:
        @functools.wraps(handler)
        def answered(*args: P.args, **kwargs: P.kwargs) -> Any:
            try:
                with progress.told(_show):
                    return handler(*args, **kwargs)
            except Exception as error:  # catch-all: every error is shown, none is swallowed
                return _shown(error, n_outputs, alert)

        return answered

    return door


def in_turn(
    n_outputs: int, *, alert: int = 0, lane: turns.Lane | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Awaitable[Any]]]:
    """Guard a handler of long work, which waits for its turn without a thread; see `app.turns`.

    Without a `lane`, it is the one of the page's subject, and a handler without a subject doesn't wait.
    """

    def door(handler: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        inside = guarded(n_outputs, alert=alert)(handler)

        @functools.wraps(handler)
        async def answered(request: gr.Request, *inputs: Any) -> Any:
            line = lane or _lane(request, inputs)
            try:
                if line is None:
                    return await to_thread.run_sync(inside, request, *inputs)
                async with line.turn(acting(request).id, is_open(), IN_LINE):
                    return await to_thread.run_sync(inside, request, *inputs)
            except StudioError as error:
                return _shown(error, n_outputs, alert)

        return answered

    return door


def _lane(request: gr.Request, inputs: tuple[Any, ...]) -> turns.Lane | None:
    """The lane of the page's subject: the first input, or the page's address before there are inputs."""
    if inputs:
        kind = str(inputs[0]).partition(":")[0]
    else:
        kind = next((name for name in ("upload", "data") if asked(request, name)), "")
    return {"upload": turns.FILES, "data": turns.ROWS}.get(kind)


def is_open() -> Callable[[], bool]:
    """Whether the page of the current event is still open; Gradio marks the events of a closed one."""
    blocks, event_id = LocalContext.blocks.get(None), LocalContext.event_id.get(None)
    event = blocks._queue.event_ids_to_events.get(event_id) if blocks and event_id else None
    return lambda: event is None or event.alive
