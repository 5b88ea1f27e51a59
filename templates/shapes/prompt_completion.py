"""A prompt and the answer wanted for it."""

from collections.abc import Mapping
from typing import Any

from templates.spec import RowShape, ShapeField


def _messages(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    before = [{"role": "system", "content": row["system"]}] if row.get("system") else []
    return [
        *before,
        {"role": "user", "content": row["prompt"]},
        {"role": "assistant", "content": row["completion"]},
    ]


SPEC = RowShape(
    title="Prompt and answer",
    summary="What is asked, and what should be answered.",
    fields=(
        ShapeField(
            "prompt", "Prompt", aliases=("prompt", "instruction", "question", "input", "query", "source", "request")
        ),
        ShapeField(
            "completion",
            "Answer",
            aliases=("completion", "answer", "output", "response", "reply", "target", "chosen"),
        ),
        ShapeField("system", "System prompt", required=False, aliases=("system", "system_prompt")),
    ),
    messages=_messages,
    metrics=("loss", "exact_match"),
)
