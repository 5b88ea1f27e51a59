"""A model answers prompts, and goes on where a killed attempt left off."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conversations import Heard, write_rows

from storage.data import row_files
from templates.errors import StudioError
from templates.jobs.generate import GenerateParams
from tests.contracts import small_models
from workers.answering import rows as made_of
from workers.evaluation.generation import Interrupted
from workers.orders.generate import GenerationOrder
from workers.programs import generate
from workers.protocol import Advanced, Done, MadeDataset, ModelRef, Planned, Stop

N = 70
MakeOrder = Callable[..., GenerationOrder]


def asked(n: int = N) -> list[dict[str, Any]]:
    """Rows whose prompts are of many lengths."""
    return [
        {
            "prompt": "thing " * (1 + i % 9) + f"number {i}?",
            "completion": "unused",
            "system": None,
            "held_out": i % 10 == 0,
            "source_row": i + 2,
        }
        for i in range(n)
    ]


@pytest.fixture
def make(tmp_path: Path, nano_folder: Path, studio: Any) -> MakeOrder:
    """Orders for the bundled model; keyword arguments say how it decodes."""

    def make(
        where: str = "a",
        rows: list[dict[str, Any]] | None = None,
        filters: dict[str, dict[str, Any]] | None = None,
        **params: Any,
    ) -> GenerationOrder:
        for folder in ("staging", "checkpoints"):
            (tmp_path / where / folder).mkdir(parents=True, exist_ok=True)
        return GenerationOrder(
            kind="generate",
            job_id="j",
            attempt=1,
            name="answers",
            log_file="",
            threads=1,
            staging=str(tmp_path / where / "staging"),
            checkpoints=str(tmp_path / where / "checkpoints"),
            model=ModelRef(name="nano", base_folder=str(nano_folder), base_revision="1"),
            teacher={"name": "nano"},
            filters=filters or {},
            params=GenerateParams(**{"max_new_tokens": 6, **params}),
            shape="prompt_completion",
            dataset_file=str(write_rows(tmp_path / "rows.parquet", rows or asked())),
            dataset_name="prompts",
            dataset_sha256="0" * 64,
            split_seed=42,
        )

    return make


def made_rows(order: GenerationOrder) -> list[dict[str, Any]]:
    return row_files.read(Path(order.staging) / made_of.ROWS_FILE)


def test_prompts_and_answers_are_rows_on_the_side_of_their_prompt(make: MakeOrder) -> None:
    order, heard = make(), Heard()
    done = generate.run(order, heard)
    assert isinstance(done.made, MadeDataset)
    rows, before = made_rows(order), {row["source_row"]: row for row in asked()}
    assert (len(rows), sum(row["held_out"] for row in rows)) == (done.made.n_rows, done.made.n_held_out)
    for row in rows:
        assert row["completion"]
        assert (row["prompt"], row["held_out"]) == (
            before[row["source_row"]]["prompt"],
            before[row["source_row"]]["held_out"],
        )
    assert done.made.shape == "prompt_completion"
    assert heard.of(Planned)[0].total_steps == N
    assert heard.of(Advanced)[-1].step == N
    result = done.result
    assert result["n_prompts"] == N == result["n_rows"] + result["n_empty"]
    assert result["n_cut_off"] > 0, "six tokens are few"
    assert f"{result['n_cut_off']} answers were cut off after 6 tokens" in result["sentence"]
    assert done.made.remarks[0]["count"] == result["n_cut_off"]


@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_an_interrupted_attempt_ends_as_an_uninterrupted_one(make: MakeOrder, temperature: float) -> None:
    whole = make("whole", temperature=temperature)
    generate.run(whole, Heard())

    def stop(heard: Heard, report: Any) -> None:
        if isinstance(report, Advanced):
            heard.stop = Stop(stop="drain")

    broken = make("broken", temperature=temperature)
    with pytest.raises(Interrupted):
        generate.run(broken, Heard(on_say=stop))
    again = Heard()
    done = generate.run(broken, again)
    assert isinstance(done, Done)
    assert 0 < again.of(Planned)[0].start_step < N
    assert made_rows(broken) == made_rows(whole)


def test_another_seed_draws_other_answers(make: MakeOrder) -> None:
    found = []
    for seed in (1, 1, 2):
        order = make(f"seed-{len(found)}", temperature=1.5, seed=seed)
        generate.run(order, Heard())
        found.append([row["completion"] for row in made_rows(order)])
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_prompts_without_room_for_an_answer_are_counted(make: MakeOrder) -> None:
    rows = asked(4)
    rows[1]["prompt"] = "long " * 5000
    order = make(rows=rows)
    done = generate.run(order, Heard())
    assert done.result["n_too_long"] == 1
    assert "1 prompts leave no room" in done.result["sentence"]
    assert 3 not in {row["source_row"] for row in made_rows(order)}


def test_no_answerable_prompt_is_said(make: MakeOrder) -> None:
    with pytest.raises(StudioError, match="None of the 1 prompts of “prompts”") as refused:
        generate.run(make(rows=[{**asked(1)[0], "prompt": "long " * 5000}]), Heard())
    assert refused.value.problems[0].remedy


def test_prompts_that_the_model_cant_read_are_left_out_and_the_token_is_named(make: MakeOrder, tmp_path: Path) -> None:
    rows = [*asked(8), {**asked(9)[8], "prompt": "my <image_soft_token>"}]
    base = ModelRef(name="x", base_folder=str(small_models.write("gemma3img", tmp_path / "model")), base_revision="1")
    order = make(rows=rows, max_new_tokens=8, temperature=2.0).model_copy(update={"model": base})
    done = generate.run(order, Heard())
    assert done.result["n_refused"] == 1
    assert 10 not in {row["source_row"] for row in made_rows(order)}
    assert "the first because the text contains “<image_soft_token>”" in done.result["sentence"]
    none = make("b", rows=rows[8:]).model_copy(update={"model": base})
    with pytest.raises(StudioError, match="1 can't be rendered for it, the first because the text contains “<image"):
        generate.run(none, Heard())


def test_conversations_stay_conversations(make: MakeOrder) -> None:
    turns = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "yes?"}]
    rows = [
        {"messages": [*turns, {"role": "user", "content": f"more {i}"}], "held_out": i == 0, "source_row": i + 1}
        for i in range(3)
    ]
    order = make(rows=rows).model_copy(update={"shape": "messages"})
    done = generate.run(order, Heard())
    assert isinstance(done.made, MadeDataset)
    assert done.made.shape == "messages"
    for row, before in zip(made_rows(order), rows, strict=True):
        assert row["messages"][:-1] == before["messages"]
        assert row["messages"][-1]["role"] == "assistant"


def test_several_answers_per_prompt_are_filtered_and_the_dropped_ones_kept(make: MakeOrder) -> None:
    picked = {"exact_duplicates": {}, "length": {"min_characters": 5, "max_characters": 30}}
    order = make(rows=asked(12), filters=picked, num_return_sequences=3, temperature=1.2)
    done = generate.run(order, Heard())
    result, rows = done.result, made_rows(order)
    assert (result["n_prompts"], result["n_answers"]) == (12, 36)
    assert result["n_rows"] == len(rows) == 36 - result["n_dropped"]
    out = [json.loads(line) for line in (Path(order.staging) / made_of.DROPPED_FILE).read_text().splitlines()]
    assert len(out) == result["n_dropped"] == sum(one["count"] for one in result["dropped"]) > 0
    assert {one["filter"] for one in out} <= {"empty", "exact_duplicates", "length"}
    numbers = [row["source_row"] for row in rows] + [one["number"] for one in out]
    assert sorted(numbers) == list(range(4, 40)), "prompts 2 to 13, three numbers each"
    by_row = {row["source_row"]: row for row in asked(12)}
    for one in out:
        asked_row = by_row[one["prompt_row"]]
        assert (one["number"] - 1) // 3 == one["prompt_row"] - 1
        assert (one["row"]["prompt"], one["held_out"]) == (asked_row["prompt"], asked_row["held_out"])
    assert all(5 <= len(row["completion"]) <= 30 for row in rows)
    assert f"{len(rows)} of 36 answers to 12 prompts were kept" in result["sentence"]
    assert isinstance(done.made, MadeDataset)
    assert (done.made.dropped_file, done.made.teacher) == (made_of.DROPPED_FILE, {"name": "nano"})


def test_several_answers_resume_too(make: MakeOrder) -> None:
    whole = make("whole", rows=asked(20), temperature=1.5, num_return_sequences=4)
    generate.run(whole, Heard())

    def stop(heard: Heard, report: Any) -> None:
        if isinstance(report, Advanced):
            heard.stop = Stop(stop="drain")

    broken = make("broken", rows=asked(20), temperature=1.5, num_return_sequences=4)
    with pytest.raises(Interrupted):
        generate.run(broken, Heard(on_say=stop))
    again = Heard()
    generate.run(broken, again)
    assert 0 < again.of(Planned)[0].start_step < again.of(Planned)[0].total_steps == 80
    assert made_rows(broken) == made_rows(whole)


def test_filters_that_drop_everything_are_said_with_the_first_reason(make: MakeOrder) -> None:
    with pytest.raises(
        StudioError, match="The filters dropped all 4 answers from “nano”: 4 are not the row’s own"
    ) as all_:
        generate.run(make(rows=asked(4), filters={"same_text": {}}), Heard())
    assert "The row’s answer is “unused”" in str(all_.value)
    assert all_.value.problems[0].remedy
