"""A supervised training on pairs learns the chosen answers, and its verdict asks for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from conversations import Heard

from storage.data import row_files
from storage.rendering.renderer import Renderer
from templates import registry
from workers.orders.train import TrainingOrder
from workers.programs import train
from workers.protocol import Done, Noted
from workers.training import batches

MakeOrder = Callable[..., TrainingOrder]


@pytest.fixture
def rows(tmp_path: Path) -> list[dict[str, Any]]:
    """Pairs as the store keeps them, every second one with an earlier turn of the assistant in its prompt."""
    before = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "unvetted"}]
    made = [
        {
            "prompt": [*(before if n % 2 else []), {"role": "user", "content": f"say {n}"}],
            "chosen": f"so {n}",
            "rejected": "no",
        }
        for n in range(20)
    ]
    shape = registry.shape("preference")
    stored = row_files.batches(shape, enumerate(made, 2))
    row_files.write(tmp_path / "stored", shape, stored, [n % 5 == 1 for n in range(20)])
    return list(pq.read_table(tmp_path / "stored").to_pylist())


@pytest.mark.long
def test_a_training_learns_the_chosen_answers(
    make_order: MakeOrder, heard: Heard, rows: list[dict[str, Any]], nano_folder: Path
) -> None:
    order = make_order(base=nano_folder, shape="preference", rows=rows, max_steps=6, learning_rate=3e-3, eval_rows=5)
    done = train.run(order, heard)
    assert isinstance(done, Done)
    losses = heard.losses()
    assert losses[6] < losses[1]
    assert not {"rows_refused", "rows_cut"} & {note.kind for note in heard.of(Noted)}
    assert (done.result["n_rows"], done.result["n_answered"]) == (4, 4)
    assert set(done.result["metrics"]) == {"loss", "perplexity", "exact_match", "chrf"}
    renderer = Renderer(nano_folder)
    kept = batches.render(
        renderer, "preference", row_files.read(Path(order.dataset_file)), max_length=128, trains_prompt=False
    ).kept
    learned = [
        renderer.decode([token for token, is_learned in zip(one.ids, one.trained, strict=True) if is_learned])
        for one in kept
    ]
    assert [text.strip() for text in learned] == [f"so {n}" for n in range(20)]
