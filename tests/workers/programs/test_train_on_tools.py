"""A training on conversations that call tools, and what its verdict asks."""

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
from tests.storage.rendering.tool_talk import plain, talk
from workers import models
from workers.evaluation.scoring import score
from workers.orders.train import TrainingOrder
from workers.programs import evaluate, train
from workers.protocol import Done, Noted

MakeOrder = Callable[..., TrainingOrder]
TOWNS = ("Bern", "Oslo", "Riga", "Lima")


@pytest.fixture
def rows(tmp_path: Path) -> list[dict[str, Any]]:
    """Rows as the store keeps them: half of them end with a call, a quarter use no tools."""
    made = [plain(n) if n % 4 == 3 else talk(TOWNS[n % 3], ends_with_call=n % 4 < 2) for n in range(24)]
    shape = registry.shape("messages")
    batches = row_files.batches(shape, enumerate(made, 2))
    row_files.write(tmp_path / "stored", shape, batches, [n % 5 == 1 for n in range(24)])
    return list(pq.read_table(tmp_path / "stored").to_pylist())


@pytest.mark.long
def test_a_training_learns_calls(
    make_order: MakeOrder, heard: Heard, rows: list[dict[str, Any]], nano_folder: Path
) -> None:
    order = make_order(base=nano_folder, shape="messages", rows=rows, max_steps=6, learning_rate=3e-3, eval_rows=5)
    done = train.run(order, heard)
    assert isinstance(done, Done)
    losses, held_out = heard.losses(), heard.losses("held_out")
    assert losses[6] < losses[1]
    assert held_out[6] < held_out[0]
    assert not {"rows_refused", "rows_cut"} & {note.kind for note in heard.of(Noted)}
    assert (done.result["n_rows"], done.result["n_answered"]) == (5, 5)
    assert evaluate.held_out_rows(order)[0]["messages"] == talk("Oslo", ends_with_call=True)["messages"]


def test_a_last_turn_that_calls_is_compared_as_the_template_writes_it(
    tiny_model_folder: Path, rows: list[dict[str, Any]]
) -> None:
    model, renderer = models.load_base(tiny_model_folder), Renderer(tiny_model_folder)
    limits = {"max_length": 256, "context_length": 256, "trains_prompt": False, "eval_rows": 10}
    reasoned = talk("Oslo", ends_with_call=True)
    reasoned["messages"][1]["reasoning_content"] = "To Oslo."
    scores = score(model, renderer, "messages", [talk(ends_with_call=True), talk("Riga"), reasoned, plain(3)], **limits)
    call = '<tool_call>{"name": "find_train", "arguments": {"town": "%s"}}</tool_call>'
    assert [answer.expected for answer in scores.answers] == [
        call % "Bern",
        "At 9:40.",
        call % "Oslo",
        "3",
    ]
    assert '{"name": "find_train", "arguments": {"town": "Riga"}}' in scores.answers[1].prompt
    assert "tool: {" in scores.answers[1].prompt
    assert (scores.n_not_asked, int((scores.n_tokens == 0).sum())) == (0, 0)


def test_rows_whose_tools_the_template_leaves_out_are_neither_scored_nor_asked(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        (tmp_path / name).write_bytes((tiny_model_folder / name).read_bytes())
    (tmp_path / "chat_template.jinja").write_text("{% for m in messages %}{{ m.content }}<|im_end|>{% endfor %}")
    limits = {"max_length": 256, "context_length": 256, "trains_prompt": False, "eval_rows": 10}
    scores = score(models.load_base(tiny_model_folder), Renderer(tmp_path), "messages", [talk(), plain(3)], **limits)
    assert [answer.index for answer in scores.answers] == [1]
    assert scores.n_not_asked == 1
    assert scores.n_tokens.tolist()[0] == 0
