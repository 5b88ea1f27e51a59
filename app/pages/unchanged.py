"""Leaves out of a tick's answer what the page shows already."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import gradio as gr


def only_changed(seen: str, parts: Sequence[Any]) -> list[Any]:
    """Marks of the parts, then the parts that differ from those with the marks `seen`.

    The page keeps the marks in a hidden box and sends them with the next tick, so they describe what it shows,
    whatever answers got lost and whichever process sent them.
    """
    marks = [blake2b(repr(part).encode(), digest_size=6).hexdigest() for part in parts]
    before = seen.split() if seen else []
    if len(before) != len(marks):
        return [" ".join(marks), *parts]
    shown = [gr.skip() if mark == old else part for mark, old, part in zip(marks, before, parts, strict=True)]
    return [gr.skip() if marks == before else " ".join(marks), *shown]
