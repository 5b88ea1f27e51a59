"""Two models of different tokens read the same rows; their learned tokens end at the same places of the same text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from storage.rendering.renderer import Renderer
from tests.contracts import small_models
from workers.distillation.answers_in_two import InTwo, Reader, of_rows

ANSWERS = ("Please help: the parcel is late.", "日本語と emoji 🙂🙂 too", "x", "  two  spaces\nand a line ")


@pytest.fixture(scope="module")
def renderers(nano_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Renderer, Renderer]:
    foreign = small_models.write("llama32", tmp_path_factory.mktemp("foreign"))
    return Renderer(nano_folder), Renderer(foreign)


def read(renderers: tuple[Renderer, Renderer], rows: list[dict[str, Any]], *lengths: int) -> Any:
    shape = "messages" if "messages" in rows[0] else "prompt_completion"
    sides = [Reader(one, length) for one, length in zip(renderers, lengths or (256, 256), strict=True)]
    return of_rows(*sides, shape, [{**row, "source_row": n} for n, row in enumerate(rows, start=2)])


def learned(row: InTwo, renderers: tuple[Renderer, Renderer]) -> list[str]:
    """The learned text of each side, without the token that ends it."""
    return [
        renderer.decode([i for i, learns in zip(side.example.ids, side.example.trained, strict=True) if learns])
        for renderer, side in zip(renderers, (row.student, row.teacher), strict=True)
    ]


def test_both_learn_the_same_text_and_end_at_the_same_places(renderers: tuple[Renderer, Renderer]) -> None:
    made, differing = read(renderers, [{"prompt": "Say it.", "completion": text} for text in ANSWERS])
    assert (len(made.kept), made.refused, made.cut, differing) == (4, [], [], [])
    for row, text in zip(made.kept, ANSWERS, strict=True):
        assert [one.strip() for one in learned(row, renderers)] == [text.strip()] * 2
        for side in (row.student, row.teacher):
            assert len(side.ends) == side.example.n_trained
            assert list(side.ends) == sorted(side.ends)
            assert side.ends[-1] == len(text.strip()) + 1, "the end counts as one more character"
        shared = set(row.student.ends) & set(row.teacher.ends)
        assert len(shared) >= 2
    assert made.kept[0].student.ends != made.kept[0].teacher.ends, "the tokens are really different"


def test_every_answer_of_a_conversation_is_compared(renderers: tuple[Renderer, Renderer]) -> None:
    turns = [{"role": role, "content": f"{role} {n}"} for n in range(3) for role in ("user", "assistant")]
    made, _ = read(renderers, [{"messages": turns, "tools": None}])
    (row,) = made.kept
    for text in learned(row, renderers):
        assert [f"assistant {n}" in text for n in range(3)] == [True] * 3
    assert row.student.ends[-1] == row.teacher.ends[-1] == 3 * (len("assistant 0") + 1)


@pytest.mark.parametrize("lengths", [(48, 512), (512, 200)])
def test_what_one_of_them_cuts_off_is_not_compared(
    renderers: tuple[Renderer, Renderer], lengths: tuple[int, int]
) -> None:
    made, _ = read(renderers, [{"prompt": "a", "completion": " ".join(f"word{n}" for n in range(90))}], *lengths)
    (row,) = made.kept
    assert made.cut == [2]
    assert row.student.ends[-1] == row.teacher.ends[-1]
    assert len(row.student.example.ids) <= lengths[0]
    assert len(row.teacher.example.ids) <= lengths[1]
    one, other = learned(row, renderers)
    assert one.strip() == other.strip() != ""


def test_a_row_whose_answer_is_beyond_the_length_is_refused(renderers: tuple[Renderer, Renderer]) -> None:
    made, differing = read(renderers, [{"prompt": "long " * 60, "completion": "yes"}], 24, 256)
    assert (made.kept, made.refused, differing) == ([], [2], [])


def test_answers_that_the_templates_write_differently_are_counted(renderers: tuple[Renderer, Renderer]) -> None:
    class Other(Renderer):
        def encoded(self, shape_key: str, row: Any, **options: Any) -> Any:
            return super().encoded(shape_key, {**row, "completion": row["completion"].upper()}, **options)

    other = Other(renderers[1].folder)
    made, differing = read((renderers[0], other), [{"prompt": "a", "completion": "yes"}])
    assert (made.kept, made.refused, differing) == ([], [], [2])
