"""What Gradio does when it starts that a server does not need, left out.

Two of its internals are involved, and both have a public effect to fall back on: should a later
Gradio do without them, the studio only starts as slowly as Gradio does.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock


def load() -> None:
    """Import Gradio without the interface files that it writes beside its own source for editors.

    For each of its component classes Gradio parses its source and renders that file anew: about half the
    time of the import. It leaves out a class whose file it cannot find, so none is found meanwhile.
    """
    with mock.patch("inspect.getfile", side_effect=OSError("not looked for while Gradio loads")):
        importlib.import_module("gradio")


@contextmanager
def without_web_app() -> Iterator[None]:
    """Pages built in here get no web app of their own.

    Gradio makes a whole one at the end of each page and keeps only the last page's.
    """
    with mock.patch("gradio.blocks.App.create_app"):
        yield
