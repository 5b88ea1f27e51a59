"""Datasets of conversations with tools: stored whole, given back whole, and old ones are read as before."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from storage.bases import base_models
from storage.data import datasets, row_export, row_files, uploads, versions
from storage.data.health import fixing, report
from storage.data.health.fix import Edit, applied
from storage.models import Dataset, User
from storage.planning import training
from templates import registry
from templates.errors import BadInput
from tests.storage.rendering.tool_talk import TOWNS, call, plain, talk

StoreDataset = Callable[..., Dataset]
ROWS = [talk(town) for town in TOWNS] + [plain(n) for n in range(8)]
ROWS[1]["messages"][1] |= {"reasoning_content": "It asks for a train."}
ROWS[2]["messages"][1]["tool_calls"][0]["id"] = "call_1"
ROWS[2]["messages"][2] |= {"tool_call_id": "call_1", "name": "find_train"}


def added(user: User, rows: list[dict[str, Any]], name: str = "trains") -> Dataset:
    lines = "\n".join(json.dumps(row) for row in rows)
    return datasets.add(user, uploads.save(user, f"{name}.jsonl", io.BytesIO(lines.encode())), name=name)


def bare(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: row[key] for key in ("messages", "tools") if row.get(key)} for row in rows]


def test_what_goes_in_comes_out(studio: User) -> None:
    made = added(studio, ROWS)
    assert bare(datasets.rows(made)) == ROWS
    assert made.mapping == {"messages": "messages", "tools": "tools"}


def test_an_export_goes_in_again_as_the_same_rows(studio: User) -> None:
    made = added(studio, ROWS)
    exported = b"".join(row_export.chunks(made, "jsonl"))
    first = json.loads(exported.splitlines()[0])
    assert first["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"town": "Bern"}'
    assert first["tools"] == ROWS[0]["tools"]
    again = datasets.add(studio, uploads.save(studio, "again.jsonl", io.BytesIO(exported)), name="again")
    assert bare(datasets.rows(again)) == ROWS
    assert [row["held_out"] for row in datasets.rows(again)] == [row["held_out"] for row in datasets.rows(made)]
    cell = next(csv.DictReader(io.StringIO(b"".join(row_export.chunks(made, "csv")).decode("utf-8-sig"))))
    assert json.loads(cell["messages"]) == first["messages"]
    table = io.BytesIO(b"".join(row_export.chunks(made, "parquet")))
    assert json.loads(pq.read_table(table).to_pylist()[0]["tools"]) == ROWS[0]["tools"]
    table.seek(0)
    from_table = datasets.add(studio, uploads.save(studio, "t.parquet", table), name="from-table")
    assert bare(datasets.rows(from_table)) == ROWS


def test_files_stored_before_there_were_tools_are_read_and_compared(studio: User, store_dataset: StoreDataset) -> None:
    old = store_dataset("old", "messages", [plain(n) for n in range(8)])
    rows = datasets.rows(old)
    assert "tools" not in rows[0]
    assert rows[0]["messages"] == plain(0)["messages"]
    newer = versions.derive(studio, old, rows[1:], [])
    found = versions.since_parent(newer)
    assert found is not None
    assert (len(found.dropped), found.changed, found.n_same) == (1, [], 7)
    assert datasets.rows(newer) == rows[1:]


def test_plain_conversations_look_as_ever(studio: User) -> None:
    made = added(studio, [plain(n) for n in range(8)])
    assert set(datasets.rows(made)[0]) == {"messages", "held_out", "source_row"}
    assert datasets.rows(made)[0]["messages"] == plain(0)["messages"]


def test_broken_arguments_refuse_the_row_by_its_field(studio: User) -> None:
    rows = [talk(), talk("Oslo")]
    rows[1]["messages"][1]["tool_calls"][0]["function"]["arguments"] = "{'town': 'Oslo'}"
    with pytest.raises(BadInput) as refused:
        added(studio, rows)
    assert [(p.row, p.field) for p in refused.value.problems] == [
        (2, "messages[1].tool_calls[0].function.arguments"),
    ]


def test_health_is_read_and_mended_where_there_are_calls(studio: User) -> None:
    rows = [talk(f"{town} {n}") for town in TOWNS for n in range(5)]
    rows[0]["messages"][1]["tool_calls"] = [call("write to a.person@example.org")]
    rows[1]["messages"][-1]["content"] += " "
    made = added(studio, rows)
    found = {one.check.key for one in report.of_dataset(studio, made.name, base="studio-nano").found}
    assert {"personal_data", "edge_spaces"} <= found
    mended = fixing.fix(studio, made.name, ["personal_data", "edge_spaces"])
    texts = json.dumps(bare(datasets.rows(mended)))
    assert "a.person" not in texts
    assert "write to [e-mail]" in texts
    assert not {"personal_data", "edge_spaces"} & {
        one.check.key for one in report.of_dataset(studio, mended.name, base="studio-nano").found
    }
    reasoned = {**plain(1), "source_row": 1}
    reasoned["messages"][1]["reasoning_content"] = " hm "
    after = applied(registry.shape("messages"), [reasoned], Edit(answers=str.strip))
    assert after.rows[0]["messages"][1]["reasoning_content"] == "hm"


def planned(user: User, base: str) -> training.Plan:
    return training.plan(user, base=base, dataset="trains", objective="sft", method="lora")


@pytest.mark.parametrize("template", ["chatml", "plain", "instruct"])
def test_a_base_that_does_not_know_tools_is_refused_when_planned(
    studio: User, tiny_model_folder: Path, template: str
) -> None:
    made = added(studio, ROWS)
    base_models.add(studio, "ignorant", str(tiny_model_folder), chat_template=template)
    n = sum("tools" in row for row in bare(datasets.rows(made, side="training")))
    with pytest.raises(BadInput) as refused:
        planned(studio, "ignorant")
    problem = refused.value.problems[0]
    assert (refused.value.code, problem.field) == ("tools_left_out", "base")
    assert problem.row in (1, 2, 3)
    assert f"{n} training rows" in problem.message
    assert "Choose a base model whose chat template supports tools" in str(problem)
    plan = planned(studio, "studio-nano")
    assert (plan.lengths.n_refused, plan.lengths.n_without_tools) == (0, 0)


def test_rows_that_the_template_refuses_are_not_said_to_be_too_long(
    studio: User, tiny_model_folder: Path, tmp_path: Path
) -> None:
    added(studio, [plain(n) for n in range(6)])
    folder = tmp_path / "strict"
    shutil.copytree(tiny_model_folder, folder)
    asks_first = "{% if messages[0].content.startswith('say') %}{{ raise_exception('say no') }}{% endif %}"
    template = folder / "chat_template.jinja"
    template.write_text(asks_first + template.read_text())
    base_models.add(studio, "strict", str(folder))
    with pytest.raises(BadInput, match=r"none of the 5 training rows .* say no") as refused:
        planned(studio, "strict")
    assert refused.value.code == "every_row_refused"


def test_the_same_rows_give_the_same_file(studio: User, tmp_path: Path) -> None:
    shape, numbered = registry.shape("messages"), list(enumerate(ROWS, 1))
    for name in ("a", "b"):
        row_files.write(tmp_path / name, shape, row_files.batches(shape, numbered), [False] * len(ROWS))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
