"""Datasets: what is shown before, what is stored, who may see it, and that the same input gives the same rows."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from storage import db, users
from storage.data import datasets, uploads, versions
from storage.data.splits import Split
from storage.files import sha256_of
from storage.models import Dataset, Job, JobInput, Upload, User
from templates.errors import BadInput, Conflict, NotFound
from tests.storage.data.intake.bad_files import GOOD_CSV

SHARED_DATA = Path(__file__).parents[4] / "shared" / "data"


def labelled(n_rows: int) -> str:
    return "text,label\n" + "".join(f"text number {i},label {i % 5}\n" for i in range(n_rows))


def uploaded(user: User, content: str, filename: str = "data.csv") -> Upload:
    return uploads.save(user, filename, io.BytesIO(content.encode()))


def jsonl(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_preview_creates_nothing(studio: User) -> None:
    preview = datasets.preview(studio, uploaded(studio, labelled(30)), limit=3)
    assert preview.shape == "classification"
    assert preview.mapping == {"text": "text", "label": "label"}
    assert preview.n_rows == 30
    assert preview.rows[2] == {"text": "text number 2", "label": "label 2", "source_row": 4}
    assert preview.labels == [f"label {i}" for i in range(5)]
    assert preview.problems == []
    assert datasets.of_user(studio) == []


def test_labels_are_proposed_as_the_instruction(studio: User) -> None:
    upload, listed = uploaded(studio, labelled(30)), "Answer with one of: label 0, label 1, label 2, label 3, label 4."
    assert datasets.preview(studio, upload).instruction == listed
    assert datasets.add(studio, upload, name="proposed").instruction == listed
    assert datasets.add(studio, upload, name="own", instruction=" Say the label. ").instruction == "Say the label."
    assert datasets.add(studio, upload, name="none", instruction="").instruction == ""
    copy = versions.derive(studio, datasets.get(studio, "own"), datasets.rows(datasets.get(studio, "own")), [])
    assert copy.instruction == "Say the label."


def test_few_short_answers_are_proposed_and_free_ones_are_not(studio: User) -> None:
    few = jsonl(*({"prompt": f"question {i}", "completion": "yes" if i % 2 else "no"} for i in range(40)))
    assert datasets.preview(studio, uploaded(studio, few, "few.jsonl")).instruction == "Answer with one of: no, yes."
    free = jsonl(*({"prompt": f"question {i}", "completion": f"answer {i}"} for i in range(40)))
    assert datasets.preview(studio, uploaded(studio, free, "free.jsonl")).instruction == ""


def test_an_instruction_that_can_not_be_used_is_refused(studio: User) -> None:
    letters = uploaded(studio, jsonl(*({"text": f"Dear {i}, all is well here."} for i in range(20))), "letters.jsonl")
    with pytest.raises(BadInput, match="plain text, which has no prompt"):
        datasets.add(studio, letters, name="letters", shape="text", instruction="Be brief.")
    with pytest.raises(BadInput, match="at most 8,000"):
        datasets.add(studio, uploaded(studio, labelled(30)), name="long", instruction="x" * 9_000)
    assert datasets.of_user(studio) == []


def test_preview_lists_what_would_be_refused(studio: User) -> None:
    preview = datasets.preview(studio, uploaded(studio, labelled(10) + ",label 1\n"))
    assert [(p.row, p.field) for p in preview.problems] == [(12, "text")]
    assert preview.n_rows == 10


def test_mapping_is_editable(studio: User) -> None:
    upload = uploaded(studio, "a,b,c\nx 1,y 1,z 1\nx 2,y 2,z 2\n")
    preview = datasets.preview(studio, upload)
    assert {p.field for p in preview.problems} >= {"prompt"}
    preview = datasets.preview(studio, upload, mapping={"prompt": "c", "completion": "a + b"})
    assert preview.shape == "prompt_completion"
    assert preview.rows[0] == {"prompt": "z 1", "completion": "x 1\n\ny 1", "system": None, "source_row": 2}
    assert preview.problems == []
    with pytest.raises(BadInput) as caught:
        datasets.add(studio, upload, name="x", shape="prompt_completion", mapping={"prompt": "zz", "label": "a"})
    text = str(caught.value)
    assert "no column “zz”" in text
    assert "a, b, c" in text
    assert "“label”: is not a field" in text
    assert "“completion”: choose a column for" in text


@pytest.mark.parametrize(("n_rows", "n_held_out"), [(2, 1), (10, 1), (199, 20), (200, 50), (499, 50), (1000, 100)])
def test_held_out_rows(studio: User, n_rows: int, n_held_out: int) -> None:
    made = datasets.add(studio, uploaded(studio, labelled(n_rows)), name="d")
    assert (made.n_rows, made.n_held_out) == (n_rows, n_held_out)
    held, trained = datasets.rows(made, side="held_out"), datasets.rows(made, side="training")
    assert (len(held), len(trained)) == (n_held_out, n_rows - n_held_out)
    numbers = sorted(row["source_row"] for row in held + trained)
    assert numbers == list(range(2, n_rows + 2))
    assert [r["source_row"] for r in datasets.rows(made)] == numbers


def test_same_input_same_hash(studio: User) -> None:
    made = [datasets.add(studio, uploaded(studio, labelled(300)), name=f"d{i}") for i in range(2)]
    other = datasets.add(studio, uploaded(studio, labelled(300)), name="other", split=Split(7))
    assert made[0].sha256 == made[1].sha256 == sha256_of(datasets.file(made[0]))
    assert made[0].sha256 != other.sha256


def test_repeats_are_said(studio: User) -> None:
    made = datasets.add(studio, uploaded(studio, "text,label\n" + "same,a\n" * 20), name="d")
    said = " ".join(remark["message"] for remark in made.remarks)
    assert "19 rows repeat" in said
    assert "2 held-out rows are also training rows" in said
    assert "All rows have the same label" in said


def test_sharegpt_is_converted_and_said(studio: User) -> None:
    turns = [{"from": "system", "value": "s"}, {"from": "human", "value": "u"}, {"from": "gpt", "value": "a", "w": 1}]
    made = datasets.add(studio, uploaded(studio, jsonl(*[{"conversations": turns}] * 4), "c.jsonl"), name="d")
    assert made.shape == "messages"
    assert [m["role"] for m in datasets.rows(made)[0]["messages"]] == ["system", "user", "assistant"]
    remarks = {remark["message"]: remark for remark in made.remarks}
    read_as = remarks["Messages with “from” and “value” were read as “role” and “content”."]
    assert (read_as["count"], read_as["rows"]) == (4, [1, 2, 3, 4])
    assert "Not used: “w” of the messages." in remarks


def test_whole_numbers_and_truth_values_are_written_out_and_said(studio: User) -> None:
    rows = [{"text": f"t {i}", "label": i % 2, "spam": bool(i % 2)} for i in range(6)]
    upload = uploaded(studio, jsonl(*rows), "n.jsonl")
    made = datasets.add(studio, upload, name="d")
    assert made.labels == ["0", "1"]
    assert any("“label” holds whole numbers" in remark["message"] for remark in made.remarks)
    assert any("Not used: “spam”" in remark["message"] for remark in made.remarks)
    assert datasets.add(studio, upload, name="e", mapping={"label": "spam"}).labels == ["false", "true"]


def test_name_taken_and_freed(studio: User) -> None:
    upload = uploaded(studio, GOOD_CSV)
    first = datasets.add(studio, upload, name="tickets")
    with pytest.raises(Conflict, match="already a dataset “tickets”"):
        datasets.add(studio, upload, name=" tickets ")
    other = datasets.add(studio, upload, name="other")
    with pytest.raises(Conflict):
        datasets.rename(studio, "other", "tickets")
    assert datasets.rename(studio, other.id, "mails").name == "mails"
    datasets.delete(studio, "tickets")
    with pytest.raises(NotFound):
        datasets.get(studio, first.id)
    again = datasets.add(studio, upload, name="tickets")
    assert [d.id for d in datasets.of_user(studio)] == [again.id, other.id]
    assert datasets.rows(first)  # jobs that trained on it still find its rows


def test_not_deleted_under_a_job(studio: User) -> None:
    made = datasets.add(studio, uploaded(studio, GOOD_CSV), name="d")
    with db.writing() as session:
        job = Job(
            owner_id=studio.id,
            idem_key="k",
            name="my job",
            kind="train",
            spec={},
            spec_sha256="",
            created_at=0,
        )
        session.add(job)
        session.flush()
        session.add(JobInput(job_id=job.id, role="replay", dataset_id=made.id))
    with pytest.raises(Conflict, match="my job"):
        datasets.delete(studio, "d")
    assert datasets.get(studio, "d").id == made.id


def test_nobody_elses(studio: User) -> None:
    upload = uploaded(studio, GOOD_CSV)
    made = datasets.add(studio, upload, name="d")
    other = users.add("bob", "long enough password")
    for attempt in (
        lambda: datasets.get(other, made.id),
        lambda: datasets.delete(other, "d"),
        lambda: datasets.rename(other, "d", "e"),
        lambda: datasets.preview(other, upload),
        lambda: datasets.add(other, upload, name="mine"),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert datasets.of_user(other) == []


@pytest.mark.parametrize("name", ["", "../../x", "a" * 65, "a\x00b", ".hidden", "<b>", "a/b", "-x", "d (deleted 1)"])
def test_unusable_names_are_refused_with_everything_else(studio: User, name: str) -> None:
    upload = uploaded(studio, GOOD_CSV + ",ham\n")
    with pytest.raises(BadInput) as caught:
        datasets.add(studio, upload, name=name, split=Split(-1, 0.9))
    assert {p.field for p in caught.value.problems} == {"name", "split_seed", "held_out_share", "text"}
    with db.reading() as session:
        assert session.exec(select(Dataset)).all() == []


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the shared sample data is not on this machine")
@pytest.mark.parametrize(
    ("path", "shape", "n_rows"),
    [
        ("banking77/train.csv", "classification", 10_003),
        ("gsm8k/test.jsonl", "prompt_completion", 1_319),
        ("tinyshakespeare/input.txt", "text", 7_222),
    ],
)
def test_real_files(studio: User, path: str, shape: str, n_rows: int) -> None:
    with (SHARED_DATA / path).open("rb") as stream:
        upload = uploads.save(studio, path, stream)
    made = datasets.add(studio, upload, name="real")
    assert (made.shape, made.n_rows) == (shape, n_rows)
