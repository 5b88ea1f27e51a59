"""Files that others made go in as they are; prints what is found in each. Skipped where they are not at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import datasets, uploads
from storage.models import User
from templates.errors import BadInput

SHARED_DATA = Path(__file__).parents[4] / "shared" / "data"
FILES = [
    ("banking77/train.csv", "classification", "text, category", 10_003, 0, ""),
    ("banking77/test.csv", "classification", "text, category", 3_080, 0, ""),
    ("gsm8k/train.jsonl", "prompt_completion", "question, answer", 7_473, 0, ""),
    ("gsm8k/test.jsonl", "prompt_completion", "question, answer", 1_319, 0, ""),
    ("self_instruct/seed_tasks.jsonl", "prompt_completion", "instruction + input, output", 175, 0, ""),
    ("self_instruct/user_oriented_instructions.jsonl", "prompt_completion", "instruction + input, output", 252, 0, ""),
    ("squad_xquad_en/xquad.en.json", "prompt_completion", "context + question, answer", 1_190, 0, ""),
    ("tinyshakespeare/input.txt", "text", "text", 7_222, 0, ""),
    ("function_calling_glaive/glaive_toolcall_en_demo.json", "messages", "conversations, tools", 300, 0, ""),
    ("function_calling_glaive/reason_tool_use_demo_50.jsonl", "messages", "messages, tools", 50, 0, ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "shape", "columns", "n_rows", "n_refused", "why"), FILES)
def test_a_real_file_goes_in_as_it_is(
    studio: User, name: str, shape: str, columns: str, n_rows: int, n_refused: int, why: str
) -> None:
    path = SHARED_DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not at hand")
    with path.open("rb") as stream:
        upload = uploads.save(studio, path.name, stream)
    seen = datasets.preview(studio, upload)
    print(f"{name:52} {seen.shape:18} {seen.n_rows:6,} rows in, {seen.n_refused:4,} refused {why}")
    assert (seen.shape, ", ".join(seen.mapping.values())) == (shape, columns)
    assert (seen.n_rows, seen.n_refused) == (n_rows, n_refused)
    if n_refused:
        assert any(why in problem.message for problem in seen.problems)
        with pytest.raises(BadInput, match=why):
            datasets.add(studio, upload, name="real")
    if not n_rows:
        with pytest.raises(BadInput, match=why):
            datasets.add(studio, upload, name="real", leave_out_refused=True)
        assert datasets.of_user(studio) == []
        return
    made = datasets.add(studio, upload, name="real", leave_out_refused=n_refused > 0)
    assert made.n_rows == n_rows
    left_out = [remark for remark in made.remarks if "left out" in remark["message"]]
    assert [remark["count"] for remark in left_out] == ([n_refused] if n_refused else [])
