"""A prompt with a chosen and a rejected answer: the pairs that DPO and related methods compare.

Only the chosen answer counts as the row's answer where one is needed: in previews, and for objectives that
learn from answers.
"""

from collections.abc import Mapping
from typing import Any

from templates.spec import RowShape, ShapeField


def _messages(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [*row["prompt"], {"role": "assistant", "content": row["chosen"]}]


def _rejected(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "chosen": row["rejected"]}


SPEC = RowShape(
    title="Chosen and rejected answers",
    summary="A prompt and two answers to it, the better one and the worse one.",
    fields=(
        ShapeField(
            "prompt",
            "Prompt",
            kind="prompt",
            required=False,
            aliases=("prompt", "instruction", "question", "query", "input", "conversations", "conversation"),
        ),
        ShapeField("chosen", "Chosen answer", kind="answer", aliases=("chosen", "chosen_response", "response_chosen")),
        ShapeField(
            "rejected", "Rejected answer", kind="answer", aliases=("rejected", "rejected_response", "response_rejected")
        ),
        ShapeField("system", "System prompt", kind="system", required=False, aliases=("system", "system_prompt")),
        ShapeField("tools", "Tools", kind="tools", required=False, aliases=("tools", "functions")),
    ),
    messages=_messages,
    rejected=_rejected,
    metrics=("loss", "exact_match", "chrf"),
)
