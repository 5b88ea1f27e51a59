"""A prompt, an answer, and whether that answer is good: the single judgements that KTO learns from."""

from collections.abc import Mapping
from typing import Any

from templates.spec import RowShape, ShapeField


def _messages(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [*row["prompt"], {"role": "assistant", "content": row["completion"]}]


SPEC = RowShape(
    title="Answers judged one by one",
    summary="A prompt, an answer, and whether it is good: true or false.",
    fields=(
        ShapeField(
            "prompt",
            "Prompt",
            kind="prompt",
            required=False,
            aliases=("prompt", "instruction", "question", "query"),
        ),
        ShapeField(
            "completion",
            "Answer",
            kind="answer",
            aliases=("completion", "output", "response", "answer", "messages", "conversations", "conversation"),
        ),
        ShapeField("label", "Good answer", kind="boolean", aliases=("label", "kto_tag", "thumbs_up", "desirable")),
        ShapeField("system", "System prompt", kind="system", required=False, aliases=("system", "system_prompt")),
        ShapeField("tools", "Tools", kind="tools", required=False, aliases=("tools", "functions")),
    ),
    messages=_messages,
    rejected=lambda row: row if row["label"] is False else None,
    metrics=(),
)
