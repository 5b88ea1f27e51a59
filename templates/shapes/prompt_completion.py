"""A prompt and its wanted answer."""

from collections.abc import Mapping
from typing import Any

from templates.instructions import answer_with_one_of
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
    summary="A question or instruction, and the answer to give.",
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
    metrics=("loss", "exact_match", "chrf"),
    answer="completion",
    instruction=answer_with_one_of,
)
