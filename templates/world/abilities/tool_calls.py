"""Calls the right one of two to four tools with the right arguments.

The answer is `<tool_call>{"name": …, "arguments": {…}}</tool_call>`; it is compared as JSON.
"""

from __future__ import annotations

import json
import re

from templates.world.ability import Ability, Example, asked, canonical_json
from templates.world.draw import Draw
from templates.world.toolbox import TOOLS

_CALL = re.compile(r"<tool_call>(.*)</tool_call>", re.DOTALL)
_RESULTS = ("done", "not found", "sunny", "rainy", "open", "closed", "busy", "free")


def canonical_call(answer: str) -> str:
    """The call with sorted keys; an answer that is no call stays as it is."""
    found = _CALL.fullmatch(answer.strip())
    return f"<tool_call>{canonical_json(found.group(1))}</tool_call>" if found else answer.strip()


def item(draw: Draw) -> Example:
    """Two to four tools and a request for one of them."""
    offered = draw.sample(TOOLS, draw.whole(2, 4))
    wanted = draw.choice(offered)
    request, arguments = wanted.request(draw)
    call = json.dumps({"name": wanted.name, "arguments": arguments}, ensure_ascii=False)
    return Example(
        asked(request, f"<tool_call>{call}</tool_call>"),
        tools=tuple(tool.schema() for tool in offered),
    )


def make(draw: Draw) -> Example:
    """A call, in some documents with its result and an answer that gives it."""
    example = item(draw)
    if not draw.chance(0.2):
        return example
    result = draw.choice(_RESULTS) if draw.chance(0.5) else str(draw.whole(1, 999))
    told: tuple[dict[str, str], ...] = (
        {"role": "tool", "content": json.dumps({"result": result})},
        {"role": "assistant", "content": f"The result is {result}."},
    )
    return Example(example.messages + told, example.tools)


SPEC = Ability(
    title="Tool calls",
    summary="Calls the right tool with the right arguments",
    share=0.041,
    make=make,
    item=item,
    parts={"tool_calls": canonical_call},
)
