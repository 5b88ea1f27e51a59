"""Skips work that Gradio does at start-up and a server doesn't need.

This relies on two of Gradio's internals. If a later Gradio drops them, the studio still works; it
only starts as slowly as Gradio does.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock


def load() -> None:
    """Import Gradio without the interface files that it writes beside its own source for editors.

    Gradio parses the source of each component class and renders that file again, which takes about half
    of its import time. It skips a class whose file it can't find, so no file is found meanwhile.
    """
    with mock.patch("inspect.getfile", side_effect=OSError("not looked for while Gradio loads")):
        importlib.import_module("gradio")


@contextmanager
def without_web_app() -> Iterator[None]:
    """Pages built inside this block get no web app of their own.

    Gradio builds an app at the end of each page and keeps only the last one.
    """
    with mock.patch("gradio.blocks.App.create_app"):
        yield
