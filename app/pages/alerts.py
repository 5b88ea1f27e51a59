"""Errors at the top of a page: what happened, where, what to do. Nothing typed is lost.

`guarded` wraps the pages' handlers: they either answer or show an alert, never a traceback. Long work
shows its progress, if the event displays progress at all.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec

import gradio as gr
from markupsafe import Markup

from app import notify
from app.markup import html
from storage import progress
from templates import registry
from templates.errors import Problem, StudioError

P = ParamSpec("P")
CLEAR = ""
FOCUS_JS = "() => setTimeout(() => document.querySelector('[role=alert]')?.focus(), 120)"
"""After an event that may have failed: take the reader to the alert."""


def titles() -> dict[str, str]:
    """Every setting's name, with its title in forms."""
    declared = [o.params for o in registry.objectives().values()] + [m.params for m in registry.methods().values()]
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


def guarded(n_outputs: int, *, alert: int = 0) -> Callable[[Callable[P, Any]], Callable[P, Any]]:
    """Make a handler show its errors in output number `alert`; its other outputs then don't change."""

    def door(handler: Callable[P, Any]) -> Callable[P, Any]:
        @functools.wraps(handler)
        def answered(*args: P.args, **kwargs: P.kwargs) -> Any:
            try:
                with progress.told(_show):
                    return handler(*args, **kwargs)
            except Exception as error:  # catch-all: every error is shown, none is swallowed
                shown = html_of(notify.told(error))
                return shown if n_outputs == 1 else [shown if i == alert else gr.skip() for i in range(n_outputs)]

        return answered

    return door
