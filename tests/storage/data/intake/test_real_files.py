"""Files that others made go in as they are; prints what is found in each. Skipped where they are not at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.data import datasets, uploads
from storage.models import User
from storage.rendering import rendered_rows
from storage.rendering.renderer import Renderer

SHARED_DATA = Path(__file__).parents[5] / "shared" / "data"
FILES = [
    ("banking77/train.csv", "classification", "text, category", 10_003),
    ("banking77/test.csv", "classification", "text, category", 3_080),
    ("gsm8k/train.jsonl", "prompt_completion", "question, answer", 7_473),
    ("gsm8k/test.jsonl", "prompt_completion", "question, answer", 1_319),
    ("self_instruct/seed_tasks.jsonl", "prompt_completion", "instruction + input, output", 175),
    ("self_instruct/user_oriented_instructions.jsonl", "prompt_completion", "instruction + input, output", 252),
    ("squad_xquad_en/xquad.en.json", "prompt_completion", "context + question, answer", 1_190),
    ("tinyshakespeare/input.txt", "text", "text", 7_222),
    ("function_calling_glaive/glaive_toolcall_en_demo.json", "messages", "conversations, tools", 300),
    ("function_calling_glaive/reason_tool_use_demo_50.jsonl", "messages", "messages, tools", 50),
]  # fmt: skip


@pytest.mark.parametrize(("name", "shape", "columns", "n_rows"), FILES)
def test_a_real_file_goes_in_as_it_is(studio: User, name: str, shape: str, columns: str, n_rows: int) -> None:
    path = SHARED_DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not at hand")
    with path.open("rb") as stream:
        upload = uploads.save(studio, path.name, stream)
    seen = datasets.preview(studio, upload)
    why = "; ".join(dict.fromkeys(problem.message for problem in seen.problems))
    print(f"{name:52} {seen.shape:18} {seen.n_rows:6,} rows in, {seen.n_refused:4,} refused {why}")
    assert (seen.shape, ", ".join(seen.mapping.values())) == (shape, columns)
    assert (seen.n_rows, seen.n_refused, why) == (n_rows, 0, "")
    assert datasets.add(studio, upload, name="real").n_rows == n_rows


@pytest.mark.parametrize(
    ("name", "n_with_tools", "n_calls"),
    [("glaive_toolcall_en_demo.json", 191, 211), ("reason_tool_use_demo_50.jsonl", 48, 68)],
)
def test_every_call_and_tool_is_kept_and_rendered(
    studio: User, nano_folder: Path, name: str, n_with_tools: int, n_calls: int
) -> None:
    path = SHARED_DATA / "function_calling_glaive" / name
    if not path.exists():
        pytest.skip(f"{name} is not at hand")
    with path.open("rb") as stream:
        rows = datasets.rows(datasets.add(studio, uploads.save(studio, path.name, stream), name="calls"))
    assert sum(bool(row["tools"]) for row in rows) == n_with_tools
    assert sum(len(turn.get("tool_calls", ())) for row in rows for turn in row["messages"]) == n_calls
    report = rendered_rows.measure(Renderer(nano_folder), "messages", rows, max_length=20_000, trains_prompt=False)
    assert (report.n_rows, report.n_refused) == (len(rows), 0)
