"""Gradio starts without the work that only an editor or a script would need, and whole for all that."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from app import gradio_startup, pages
from storage.models import User

OPENED = """
import sys
opened = []
sys.addaudithook(lambda event, told: opened.append(str(told[0])) if event == "open" else None)
{load}
import gradio
assert gradio.Textbox.change and gradio.Blocks
print(sum(path.endswith(".pyi") for path in opened))
"""


@pytest.mark.parametrize(
    ("load", "touches"),
    [
        pytest.param("from app import gradio_startup; gradio_startup.load()", False, id="as the studio loads it"),
        pytest.param("", True, id="as Gradio loads itself", marks=pytest.mark.long),
    ],
)
def test_interface_files_are_left_alone(load: str, touches: bool) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", OPENED.format(load=load)], capture_output=True, text=True, check=True, timeout=120
    )
    assert (int(ran.stdout) > 0) is touches


def test_what_python_knows_of_sources_is_whole_afterwards() -> None:
    gradio_startup.load()
    assert inspect.getfile(gradio_startup) == gradio_startup.__file__


def test_all_pages_share_the_last_pages_web_app(studio: User) -> None:
    demo = pages.build()
    assert demo.app is not None
    assert {path for path, *_ in demo.pages} == {path or "" for _, path, _ in pages.PAGES}
