"""Goals: what people want, where several objectives are ways to it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """What people want, in their words. An objective names the goal that it is a way to, or stands alone."""

    title: str
    summary: str
    advised: str
    """Key of the objective that forms propose first, if it takes the data's rows."""
    methods: tuple[str, ...] = ()
    """Keys of the methods that forms list right after the advised one."""
    hint: str = ""
    """What else to know before choosing a way, in a sentence or two."""
    key: str = ""
    page: str = ""
