"""The distance between models of different tokens: nothing where they agree, and it falls where the student learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from storage.rendering.renderer import Renderer
from templates.objectives.distill_gold import DistillGoldParams
from tests.contracts import small_models
from workers import models
from workers.distillation import answers_in_two
from workers.distillation.answers_in_two import InTwo, Reader
from workers.distillation.gold import END, Gold, Read, Vocabulary

ROWS = [
    {"prompt": f"say {word}", "completion": f"{word} it is, please help", "source_row": n}
    for n, word in enumerate(("refund", "delivery", "card", "order"), start=2)
]


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_models.write("llama32", tmp_path_factory.mktemp("foreign"))


def read(student: Path, teacher: Path) -> tuple[tuple[Renderer, Renderer], list[InTwo]]:
    renderers = Renderer(student), Renderer(teacher)
    made, _ = answers_in_two.of_rows(*(Reader(one, 128) for one in renderers), "prompt_completion", ROWS)
    assert len(made.kept) == len(ROWS)
    return renderers, made.kept


def gold(student: Path, teacher: Path, **settings: Any) -> tuple[Gold, list[InTwo]]:
    renderers, rows = read(student, teacher)
    taught = models.load_base(teacher, dtype="float32").eval()
    return Gold(DistillGoldParams(**settings), renderers, lambda: taught, rows), rows


@pytest.mark.parametrize("hybrid", [True, False])
def test_a_model_is_at_no_distance_from_itself(tiny_model_folder: Path, hybrid: bool) -> None:
    made, rows = gold(tiny_model_folder, tiny_model_folder, uld_use_hybrid_loss=hybrid)
    found = made.of_rows(models.load_base(tiny_model_folder, dtype="float32"), rows, lambda: False)
    assert found == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("settings", [{}, {"beta": 0.0}, {"uld_use_hybrid_loss": False}, {"temperature": 2.0}])
def test_the_student_comes_near_a_teacher_with_other_tokens(
    tiny_model_folder: Path, foreign: Path, settings: dict[str, Any]
) -> None:
    made, rows = gold(tiny_model_folder, foreign, **settings)
    model = models.load_base(tiny_model_folder, dtype="float32").train()
    before = made.of_rows(model, rows, lambda: False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(12):
        optimizer.zero_grad()
        made.loss(model, rows, ce_share=0.0).backward()
        optimizer.step()
    after = made.of_rows(model, rows, lambda: False)
    assert (after < before).all()
    assert after.mean() < 0.8 * before.mean()


def test_the_rows_own_answers_are_the_models_own_loss(tiny_model_folder: Path, foreign: Path) -> None:
    made, rows = gold(tiny_model_folder, foreign)
    model = models.load_base(tiny_model_folder, dtype="float32").eval()
    with torch.no_grad():
        apart, together = (float(made.loss(model, rows, ce_share=share)) for share in (0.0, 0.5))
        own = [
            model(input_ids=torch.tensor([ids]), labels=torch.tensor([_labels(row)])).loss
            * row.student.example.n_trained
            for row in rows
            for ids in [row.student.example.ids]
        ]
        mean = float(sum(own)) / sum(row.student.example.n_trained for row in rows)
    assert together == pytest.approx(0.5 * apart + 0.5 * mean, rel=1e-4)


def _labels(row: InTwo) -> list[int]:
    example = row.student.example
    return [i if learned else -100 for i, learned in zip(example.ids, example.trained, strict=True)]


def test_merged_tokens_have_the_product_of_their_probabilities(tiny_model_folder: Path, foreign: Path) -> None:
    """A student that is sure of the very next token of the text at each place, like its teacher, is not far."""
    _, rows = read(tiny_model_folder, foreign)
    sides = [rows[0].student, rows[0].teacher]

    def sure(labels: Tensor, size: int) -> Tensor:
        return 50.0 * torch.nn.functional.one_hot(labels, size).float()

    sizes = [Renderer(folder)._tokenizer.get_vocab_size() for folder in (tiny_model_folder, foreign)]
    learned = [
        torch.tensor([i for i, learns in zip(s.example.ids, s.example.trained, strict=True) if learns]) for s in sides
    ]
    reads = [
        Read.of([sure(labels, size)], [labels], [side])
        for labels, size, side in zip(learned, sizes, sides, strict=True)
    ]
    made, _ = gold(tiny_model_folder, foreign, uld_use_hybrid_loss=False)
    loss = made._uld(0.0, *reads)
    found = loss(*(getattr(one, name) for name in ("logits", "labels", "labels") for one in reads),
                 student_byte_offsets=reads[0].offsets, teacher_byte_offsets=reads[1].offsets)  # fmt: skip
    assert float(found) == pytest.approx(0, abs=1e-4)


def test_both_vocabularies_call_the_same_text_the_same(tiny_model_folder: Path, foreign: Path) -> None:
    ours, theirs = Renderer(tiny_model_folder), Renderer(foreign)
    one, other = (Vocabulary(r, r.eos_ids[0], 10_000).get_vocab() for r in (ours, theirs))
    assert one[END] == ours.eos_ids[0]
    assert other[END] == theirs.eos_ids[0]
    assert " the" in one
    assert {"a", " ", "1"} <= one.keys() & other.keys()
    assert len(Vocabulary(ours, None, 100).get_vocab()) <= 100, "tokens beyond the head are never predicted"
