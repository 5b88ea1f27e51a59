"""Keeps Gradio's sessions small: each stores what its page changed, not a copy of the whole app.

Gradio makes a session for each page load and keeps ten thousand. Each holds the configuration of every component
of every page, which only its deep links read (no page has any), and copies of the tables of components and events:
half a megabyte. This relies on Gradio's internals, as `gradio_startup` does; if a later Gradio moves them, the
test of this module fails.
"""

from __future__ import annotations

from collections import ChainMap, OrderedDict
from copy import copy
from datetime import datetime
from threading import Lock
from typing import Any, TypeVar, cast

import gradio as gr
from gradio import state_holder
from gradio.blocks import BlocksConfig

KEPT = 1000
"""Sessions kept, the latest used; an open page whose session is gone has to be reloaded."""

ALIKE_KEPT = 2000
"""Changed components that sessions share."""

V = TypeVar("V")


class Session(state_holder.SessionState):
    """The components that one page changed, and its states."""

    def __init__(self, blocks: gr.Blocks) -> None:
        whole = blocks.default_config
        self.blocks_config = BlocksConfig(blocks)
        self.blocks_config.blocks = _over(whole.blocks)
        self.blocks_config.fns = _over(whole.fns)
        self.blocks_config.fn_id = whole.fn_id
        self.blocks_config.renderables = copy(whole.renderables)
        self.config_values = {}
        self.state_data = {}
        self._state_ttl = {}
        self.is_closed = False
        self.STATE_TTL_WHEN_CLOSED = 3600

    def __setitem__(self, key: int, value: Any) -> None:
        block = self.blocks_config.blocks.get(key)
        if isinstance(block, gr.State):
            self._state_ttl[key] = (block.time_to_live, datetime.now())
            self.state_data[key] = value
        else:
            self.blocks_config.blocks[key] = _ALIKE.of(key, value)

    def _update_config(self, key: int) -> None:
        """Nothing: the configuration is not kept."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Nothing: the configuration is not kept."""


class _Alike:
    """Components changed in the same way: most loads of a page change the same ones, and each takes 10 KB.

    Nothing alters such a component: a further change makes another one.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, str], Any] = OrderedDict()
        self._lock = Lock()

    def of(self, key: int, component: Any) -> Any:
        """The first component of this place that was made with the same arguments."""
        alike = (key, repr(component.constructor_args))
        with self._lock:
            found = self._kept.setdefault(alike, component)
            self._kept.move_to_end(alike)
            if len(self._kept) > ALIKE_KEPT:
                self._kept.popitem(last=False)
        return found


_ALIKE = _Alike()


def _over(shared: dict[int, V]) -> dict[int, V]:
    """A table whose changes stay in the session, over the one that all sessions share."""
    return cast(dict[int, V], ChainMap({}, shared))


def install(blocks: gr.Blocks) -> None:
    """Let the web app that `blocks` is mounted in make and keep its sessions like this."""
    state_holder.SessionState = Session  # type: ignore[misc]  # where Gradio looks the class up
    blocks.state_session_capacity = KEPT
