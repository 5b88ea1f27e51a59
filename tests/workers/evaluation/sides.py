"""Held-out sides for verdicts, made from rows as the programs make them."""

from __future__ import annotations

from collections.abc import Sequence

from workers.evaluation import held_out
from workers.evaluation.held_out import HeldOutSide

FIELDS = {"classification": ("text", "label"), "prompt_completion": ("prompt", "completion")}


def side(
    expected: Sequence[str],
    shape: str = "classification",
    *,
    prompts: Sequence[str] = (),
    training: Sequence[str] | None = None,
) -> HeldOutSide:
    """The side whose rows expect these answers; `training` are the training side's (by default the same)."""
    prompt, answer = FIELDS[shape]
    asked = prompts or [f"prompt {i}" for i in range(len(expected))]
    rows = [{prompt: text, answer: label} for text, label in zip(asked, expected, strict=True)]
    learned = [{prompt: f"learned {i}", answer: label} for i, label in enumerate(training or expected)]
    return held_out.of(shape, learned, rows)


def labels(n: int) -> list[str]:
    """Five labels in turn."""
    return [f"label{i % 5}" for i in range(n)]


def texts(n: int) -> HeldOutSide:
    """A side of plain texts."""
    rows = [{"text": f"text {i}"} for i in range(n)]
    return held_out.of("text", rows, rows)
