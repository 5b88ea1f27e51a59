"""The decoding thread: crowds, models whose caches can't be joined, and unloading under way."""

from __future__ import annotations

import queue
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, MistralConfig, MistralForCausalLM

from workers.serving import engine
from workers.serving.answers import Answer
from workers.serving.decoding import BASE, Row
from workers.serving.engine import Engine
from workers.serving.events import Broke, Ended, Event
from workers.serving.loaded import Loaded

CPU = torch.device("cpu")


def windowed_model(folder: Path, tokenizer_from: Path) -> Path:
    """A random model that sees its last eight tokens only; its cache forgets and can't be joined by row."""
    torch.manual_seed(0)
    config = MistralConfig(
        vocab_size=4864,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=256,
        sliding_window=8,
        initializer_range=0.4,
    )
    MistralForCausalLM(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(tokenizer_from / name, folder / name)
    return folder


@pytest.fixture
def windowed(tmp_path: Path, nano_folder: Path) -> Path:
    return windowed_model(tmp_path / "windowed", nano_folder)


@pytest.fixture
def running(lively_model_folder: Path) -> Iterator[Engine]:
    made = Engine(Loaded(lively_model_folder, CPU))
    yield made
    made.close()


def submit(to: Engine, prompt: str, max_tokens: int = 10) -> tuple[Row, queue.SimpleQueue[Event]]:
    told: queue.SimpleQueue[Event] = queue.SimpleQueue()
    ids = to.loaded.renderer.prompt([{"role": "user", "content": prompt}])
    row = Row(
        prompt=ids,
        adapter=BASE,
        answer=Answer(lambda ids: " ".join(map(str, ids))),
        tell=told.put,
        eos_ids=frozenset(),
        max_tokens=max_tokens,
    )
    to.submit(row)
    return row, told


def text(told: queue.SimpleQueue[Event]) -> str:
    parts = []
    while not isinstance(event := told.get(timeout=30), Ended):
        assert not isinstance(event, Broke), event.why
        parts.append(event.text)
    return "".join(parts)


def generated(folder: Path, ids: list[int], n_tokens: int) -> str:
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    given = torch.tensor([ids])
    out = model.generate(
        input_ids=given, attention_mask=torch.ones_like(given), max_new_tokens=n_tokens, do_sample=False,
        eos_token_id=None, pad_token_id=0,
    )  # fmt: skip
    return " ".join(map(str, out[0, len(ids) :].tolist()))


def test_a_model_whose_cache_cant_be_joined_answers_each_row_by_itself(windowed: Path) -> None:
    loaded = Loaded(windowed, CPU)
    assert not loaded.joins
    made = Engine(loaded)
    rows = [submit(made, prompt) for prompt in ("short", "a longer question than the window is wide", "x")]
    assert [text(told) for _, told in rows] == [generated(windowed, row.prompt, 10) for row, _ in rows]
    made.close()


def test_more_rows_than_fit_wait_their_turn(running: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MAX_ROWS", 2)
    prompts = [f"question {n}" for n in range(7)]
    together = [text(told) for _, told in [submit(running, prompt) for prompt in prompts]]
    assert together == [text(submit(running, prompt)[1]) for prompt in prompts]


def test_a_row_cancelled_while_it_waits_is_never_begun(running: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MAX_ROWS", 1)
    _, first = submit(running, "first", max_tokens=60)
    waiting, never = submit(running, "second")
    waiting.cancelled = True
    _, third = submit(running, "third")
    assert text(first)
    assert text(third)
    assert never.empty()


def test_unloading_breaks_off_what_is_under_way(lively_model_folder: Path) -> None:
    made = Engine(Loaded(lively_model_folder, CPU))
    _, told = submit(made, "a long answer", max_tokens=100_000)
    told.get(timeout=30)
    made.close()
    events = [told.get_nowait() for _ in range(told.qsize())]
    assert events[-1] == Broke("the model was unloaded")


def test_what_fails_in_the_thread_reaches_the_caller_and_not_the_thread(running: Engine) -> None:
    def fail() -> None:
        raise LookupError("nothing here")

    with pytest.raises(LookupError, match="nothing here"):
        running.call(fail).result(10)
    assert text(submit(running, "still there?")[1])
