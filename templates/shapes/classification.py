"""A text and its label: the model learns to answer with just the label."""

from collections.abc import Mapping
from typing import Any

from templates.instructions import answer_with_one_of
from templates.spec import RowShape, ShapeField


def _messages(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": row["text"]}, {"role": "assistant", "content": row["label"]}]


SPEC = RowShape(
    title="Text and label",
    summary="A text and one of a fixed set of labels.",
    fields=(
        ShapeField(
            "text", "Text", aliases=("text", "sentence", "utterance", "message", "content", "input", "review", "title")
        ),
        ShapeField("label", "Label", aliases=("label", "category", "class", "intent", "sentiment", "topic", "target")),
    ),
    messages=_messages,
    metrics=("loss", "exact_match", "label_accuracy"),
    answer="label",
    instruction=answer_with_one_of,
)
