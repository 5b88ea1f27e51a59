"""Calls the right one of two to four tools with the right arguments.

The answer is `<tool_call>{"name": …, "arguments": {…}}</tool_call>`; it is compared as JSON.
"""

from __future__ import annotations

import json

from workers.workshop.world.ability import AbilityGenerator, Example, asked
from workers.workshop.world.draw import Draw
from workers.workshop.world.toolbox import TOOLS

_RESULTS = ("done", "not found", "sunny", "rainy", "open", "closed", "busy", "free")


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


SPEC = AbilityGenerator(
    share=0.041,
    make=make,
    item=item,
)
