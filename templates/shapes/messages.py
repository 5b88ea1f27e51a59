"""Conversations of several turns, in the `messages` layout that chat APIs use, with the tools that may be called."""

from collections.abc import Mapping
from typing import Any

from templates.spec import RowShape, ShapeField


def _messages(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(row["messages"])


SPEC = RowShape(
    title="Conversations",
    summary="Lists of messages with roles; the model learns every assistant turn, with its tool calls.",
    fields=(
        ShapeField(
            "messages", "Messages", kind="messages", aliases=("messages", "conversations", "conversation", "dialogue")
        ),
        ShapeField("tools", "Tools", kind="tools", required=False, aliases=("tools", "functions")),
    ),
    messages=_messages,
    metrics=("loss", "exact_match", "chrf"),
)
