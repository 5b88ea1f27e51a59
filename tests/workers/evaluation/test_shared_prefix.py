"""What all rows begin with is computed once, and nothing else changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.contracts import small_models
from workers import models
from workers.evaluation import generation, losses, shared_prefix
from workers.evaluation.shared_prefix import FEWEST_ROWS, FEWEST_TOKENS, SharedPrefix

WINDOWED = {"gemma3", "gemma3img", "mistral"}
"""Their layers keep a part of the tokens only."""


def rows_of(model: Any, n_shared: int = 3 * FEWEST_TOKENS) -> list[list[int]]:
    size = int(model.config.get_text_config().vocab_size)
    shared = [(7 * i + 3) % size for i in range(n_shared)]
    return [[*shared, *((11 * i * n + 5) % size for i in range(1, n + 2))] for n in range(1, 8)]


def same_with_and_without(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of(model)
    trained = [[(row, [i >= len(row) - 2 for i in range(len(row))])] for row in rows]

    def found() -> tuple[list[generation.Generated], Any]:
        given = generation.answers(model, rows, eos_ids=[0], max_new_tokens=6)
        return given, losses.losses(model, trained)[0]

    answers, nll = found()
    for module in (generation, losses):
        monkeypatch.setattr(module, "shared_prefix", lambda *_: SharedPrefix())
    whole_answers, whole_nll = found()
    assert answers == whole_answers
    assert nll == pytest.approx(whole_nll, rel=1e-4)


@pytest.mark.parametrize("name", small_models.SMALL)
def test_answers_and_losses_are_the_same(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = models.load_base(small_models.write(name, tmp_path))
    assert (shared_prefix.shared_prefix(model, rows_of(model)).n_tokens > 0) == (name not in WINDOWED)
    same_with_and_without(model, monkeypatch)


def test_only_what_all_rows_share_and_a_token_less_than_the_shortest(tiny: Any) -> None:
    rows = rows_of(tiny)
    assert shared_prefix.shared_prefix(tiny, rows).n_tokens == 3 * FEWEST_TOKENS
    assert shared_prefix.shared_prefix(tiny, [*rows, rows[0][: 2 * FEWEST_TOKENS]]).n_tokens == 2 * FEWEST_TOKENS - 1
    assert shared_prefix.shared_prefix(tiny, [*rows, [1, 2, 3]]).cache is None
    assert shared_prefix.shared_prefix(tiny, rows[: FEWEST_ROWS - 1]).cache is None


def test_padding_stands_between_the_prefix_and_the_rest(tiny: Any) -> None:
    rows = rows_of(tiny)
    prefix = shared_prefix.shared_prefix(tiny, rows)
    batch = prefix.batch(rows[:2], 9, torch.device("cpu"))
    n = prefix.n_tokens
    assert batch.ids[0].tolist() == [*rows[0][:n], 9, *rows[0][n:]]
    assert batch.mask[0].tolist() == [*[1] * n, 0, *[1] * len(rows[0][n:])]
    assert batch.positions[0].tolist() == [n - 1, *range(n, len(rows[0]))]
    assert batch.positions[1].tolist() == list(range(n, len(rows[1])))
    batch.cache.crop(0)
    assert prefix.cache.get_seq_length() == n, "a batch has a cache of its own"
