"""SQuAD: articles with paragraphs (`context`), each with questions and their answers.

Uses the first of several answers to a question; a question without one gets an empty answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from storage.data.intake.layout import Layout


def _fits(values: Mapping[str, Any]) -> bool:
    paragraphs = values.get("paragraphs")
    return isinstance(paragraphs, list) and all(
        isinstance(one, dict)
        and isinstance(one.get("context"), str)
        and isinstance(one.get("qas"), list)
        and all(isinstance(asked, dict) and isinstance(asked.get("answers", []), list) for asked in one["qas"])
        for one in paragraphs
    )


def _rows(values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for paragraph in values["paragraphs"]:
        for asked in paragraph["qas"]:
            answers = [one.get("text") for one in asked.get("answers", []) if isinstance(one, dict)]
            yield {
                "context": paragraph["context"],
                "question": asked.get("question"),
                "answer": answers[0] if answers else None,
                "title": values.get("title"),
                "id": asked.get("id"),
            }


SPEC = Layout(
    title="SQuAD",
    says="Laid out as SQuAD: each question is a row, with its paragraph and the first of its answers.",
    fits=_fits,
    rows=_rows,
)
