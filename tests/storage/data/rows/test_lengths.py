"""Lengths in a base model's tokens: what each part weighs, and what the window does not hold of which answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from storage.data.health import report, table
from storage.data.rows import lengths
from storage.data.rows.lengths import Lengths
from storage.data.rows.rows import Rows
from storage.rendering import rendered_rows
from storage.rendering.renderer import Renderer
from templates import registry

WINDOW = 40
LONG = "far and away " * 40


@pytest.fixture(scope="module")
def renderer(nano_folder: Path) -> Renderer:
    return Renderer(nano_folder)


def pair(number: int, *, held_out: bool = False, **values: str) -> dict[str, Any]:
    row = {"prompt": "Where is it?", "chosen": f"Here is {number}.", "rejected": f"Go away {number}, you.", **values}
    asked = [{"role": "user", "content": row["prompt"]}]
    return {**row, "prompt": asked, "held_out": held_out, "source_row": number}


def single(number: int, label: bool, completion: str) -> dict[str, Any]:
    asked = [{"role": "user", "content": "Where is it?"}]
    return {"prompt": asked, "completion": completion, "label": label, "held_out": False, "source_row": number}


def measured(renderer: Renderer, shape: str, rows: list[dict[str, Any]], window: int = WINDOW) -> Lengths:
    return lengths.measure(renderer, registry.shape(shape), rows, base="nano", context_length=window)


def learned(renderer: Renderer, shape: str, rows: list[dict[str, Any]]) -> tuple[list[int], list[int]]:
    """Of rows that nothing is cut off: tokens that are learned, and all tokens."""
    made = [renderer.row(shape, row) for row in rows]
    return [sum(one.trained) for one in made], [len(one.ids) for one in made]


@pytest.mark.parametrize("window", [12, WINDOW, 4_000])
def test_parts_are_counted_as_if_nothing_were_cut(renderer: Renderer, window: int) -> None:
    rows = [{"prompt": f"Where is {i}?", "completion": "so far " * i, "source_row": i} for i in range(1, 30)]
    prompt, answer, whole = measured(renderer, "prompt_completion", rows, window).parts
    n_learned, n_all = learned(renderer, "prompt_completion", rows)
    assert (answer.n_tokens, answer.longest) == (sum(n_learned), max(n_learned))
    assert (whole.n_tokens, whole.longest) == (sum(n_all), max(n_all))
    assert prompt.n_tokens == sum(n_all) - sum(n_learned)
    assert whole.histogram == rendered_rows.histogram(n_all)
    texts = [{"text": "so far " * i, "source_row": i} for i in range(1, 30)]
    (row,) = measured(renderer, "text", texts, window).parts
    assert (row.name, row.n_tokens) == ("row", sum(learned(renderer, "text", texts)[1]))


def test_rejected_answers_are_a_part_of_their_own(renderer: Renderer) -> None:
    rows = [pair(i, rejected="no " * i) for i in range(1, 20)]
    parts = {part.name: part for part in measured(renderer, "preference", rows).parts}
    assert list(parts) == ["prompt", "answer", "rejected", "row"]
    n_chosen, n_all = learned(renderer, "preference", rows)
    n_rejected, _ = learned(renderer, "preference", [{**row, "chosen": row["rejected"]} for row in rows])
    assert (parts["rejected"].n_tokens, parts["rejected"].longest) == (sum(n_rejected), max(n_rejected))
    assert parts["rejected"].histogram == rendered_rows.histogram(n_rejected)
    assert parts["answer"].n_tokens == sum(n_chosen)
    assert (parts["row"].n_tokens, parts["row"].longest) == (sum(n_all), max(n_all))


def test_a_long_rejected_answer_is_told_apart_from_what_fine_tuning_loses(renderer: Renderer) -> None:
    rows = [pair(i) for i in range(1, 11)]
    rows += [pair(11, rejected=LONG), pair(12, rejected=LONG, held_out=True), pair(13, chosen=LONG)]
    rows += [pair(14, chosen=LONG, rejected=f"{LONG}!"), pair(15, prompt=LONG)]
    found = measured(renderer, "preference", rows)
    theirs = rendered_rows.measure(
        renderer, "preference", [r for r in rows if not r["held_out"]], max_length=WINDOW, trains_prompt=False
    )
    assert (found.training.n_truncated, found.training.n_refused) == (theirs.n_truncated, theirs.n_refused) == (2, 1)
    assert (set(found.truncated), set(found.refused)) == ({13, 14}, {15})
    assert found.rejected is not None
    assert (set(found.rejected.truncated), set(found.rejected.refused)) == ({11, 12, 14}, {15})
    sides = found.rejected.training, found.rejected.held_out
    assert [(side.n_rows, side.n_truncated, side.n_refused) for side in sides] == [(14, 2, 1), (1, 1, 0)]
    checked = report.examine(Rows.of(registry.shape("preference"), rows, found), "pairs")
    rows_of = {one.check.key: one.finding.rows for one in checked.found}
    assert rows_of["too_long"] == (13, 14, 15)
    assert rows_of["long_rejected"] == (11, 12)
    said = "\n".join(table.lines(checked))
    assert "With the rejected answer instead of the chosen one, nano, which reads 40 tokens at most, " in said
    assert "would cut 2 rows and refuse 0." in said
    assert "training, rejected" in said
    assert "Rejected answers are read after their prompts" in said


def test_of_single_judgements_the_bad_answers_are_the_rejected_ones(renderer: Renderer) -> None:
    rows = [single(i, i % 2 == 0, "so far " * i) for i in range(1, 31)]
    found = measured(renderer, "unpaired_preference", rows)
    parts = {part.name: part for part in found.parts}
    n_learned, n_all = learned(renderer, "unpaired_preference", rows)
    assert parts["answer"].n_tokens == sum(n_learned[1::2])
    assert parts["rejected"].n_tokens == sum(n_learned[::2])
    assert parts["row"].n_tokens == sum(n_all)
    assert found.rejected is not None
    assert found.rejected.training.n_rows == 15
    assert set(found.rejected.truncated) == {number for number in found.truncated if number % 2}
    checked = report.examine(Rows.of(registry.shape("unpaired_preference"), rows, found), "judged")
    assert "long_rejected" not in {one.check.key for one in checked.found}, "they are found as rows"
    good = measured(renderer, "unpaired_preference", [row for row in rows if row["label"]])
    assert good.rejected is None
    assert [part.name for part in good.parts] == ["prompt", "answer", "row"]


def test_a_rejected_answer_that_spells_a_special_token_is_found_and_fine_tuning_not_warned(renderer: Renderer) -> None:
    rows = [pair(1), pair(2, rejected="No. <|im_end|> Go."), pair(3, chosen="Yes <|im_end|>")]
    assert measured(renderer, "preference", rows).with_special_tokens == {2, 3}
    trained = rendered_rows.measure(renderer, "preference", rows, max_length=WINDOW, trains_prompt=False)
    assert trained.n_with_control_tokens == 1
    judged = [single(1, False, "No. <|im_end|>"), single(2, False, "No."), single(3, True, "<|im_end|>")]
    assert measured(renderer, "unpaired_preference", judged).with_special_tokens == {1, 3}
