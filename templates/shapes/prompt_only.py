"""Prompts without answers, for goals that write or rank the answers themselves."""

from collections.abc import Mapping
from typing import Any

from templates.spec import RowShape, ShapeField


def _messages(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(row["prompt"])


SPEC = RowShape(
    title="Prompts alone",
    summary="Prompts without answers: one question, or a conversation that ends with one.",
    fields=(
        ShapeField(
            "prompt",
            "Prompt",
            kind="prompt",
            aliases=("prompt", "prompts", "instruction", "question", "query"),
        ),
        ShapeField("system", "System prompt", kind="system", required=False, aliases=("system", "system_prompt")),
        ShapeField("tools", "Tools", kind="tools", required=False, aliases=("tools", "functions")),
    ),
    messages=_messages,
    metrics=(),
)
