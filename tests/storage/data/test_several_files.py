"""Several files that come together become one dataset, and one of them can be held out."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from storage.data import datasets, row_files, uploads, versions
from storage.data.intake import look
from storage.data.splits import Split
from storage.models import Upload, User
from storage.settings import settings
from templates.errors import BadInput

TRAIN = "question,answer\n" + "".join(f"What is {n}?,It is {n}.\n" for n in range(30))
TEST = "question,answer\n" + "".join(f"And what is {n}?,That is {n}.\n" for n in range(7))


def sent(user: User, files: dict[str, str]) -> Upload:
    return uploads.save_all(user, [(name, io.BytesIO(content.encode())) for name, content in files.items()])


def zipped(files: dict[str, str | bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return packed.getvalue()


def refusals(error: pytest.ExceptionInfo[BadInput]) -> list[tuple[str | None, int | None, str]]:
    return [(problem.file, problem.row, problem.message) for problem in error.value.problems]


def test_rows_follow_one_another_and_are_numbered_through(studio: User) -> None:
    made = datasets.add(studio, sent(studio, {"train.csv": TRAIN, "more.csv": TEST}), name="both")
    assert (made.n_rows, made.source_filename) == (37, "train.csv and 1 more")
    rows = datasets.rows(made)
    assert [row["source_row"] for row in rows][:2] == [2, 3]
    assert rows[29]["prompt"] == "What is 29?"
    assert (rows[30]["prompt"], rows[30]["source_row"]) == ("And what is 0?", 33)
    said = [remark["message"] for remark in made.remarks]
    assert "Rows are numbered across the files: “train.csv” 1–31, “more.csv” 32–39." in said


def test_the_same_files_are_the_same_upload_whenever_they_come(studio: User) -> None:
    first = sent(studio, {"a.csv": TRAIN, "b.csv": TEST})
    assert sent(studio, {"a.csv": TRAIN, "b.csv": TEST}).sha256 == first.sha256
    assert sent(studio, {"a.csv": TRAIN}).filename == "a.csv"


def test_files_of_different_kinds_are_each_read_as_what_they_are(studio: User) -> None:
    lines = "".join(json.dumps({"question": f"Who is {n}?", "answer": f"Ann {n}", "id": n}) + "\n" for n in range(5))
    seen = datasets.preview(
        studio, sent(studio, {"a.csv": TRAIN, "b.jsonl": lines, "c.json": json.dumps([{"question": "x"}])})
    )
    assert [(file.name, file.format, file.n_rows) for file in seen.look.files] == [
        ("a.csv", "table with delimiters", 30),
        ("b.jsonl", "JSON lines", 5),
        ("c.json", "JSON", 1),
    ]
    said = [remark.message for remark in seen.remarks]
    assert "The column “id” is missing in “a.csv”, “c.json”." in said
    assert [(p.file, p.row, p.field) for p in seen.problems] == [("c.json", 1, "answer")]
    assert seen.goes_in_without_them


def test_every_file_that_cannot_be_read_is_named(studio: User) -> None:
    upload = sent(studio, {"good.csv": TRAIN, "broken.json": '[{"a": 1}, {"a": ', "empty.csv": "a,b\n"})
    with pytest.raises(BadInput) as error:
        datasets.preview(studio, upload)
    assert {(file, row) for file, row, _ in refusals(error)} == {("broken.json", 2), ("empty.csv", None)}


def test_single_rows_that_cannot_be_read_are_named_in_their_files(studio: User) -> None:
    head = "prompt,completion\n"
    cut = b"prompt,completion\nAnd so?,Yes \xf0\x9f\x98\nAnd this?,\xc3\xa9t\xc3\xa9\n".decode(
        "utf-8", "surrogateescape"
    )
    files = {"a.csv": f"{head}What?,This\nWhat,is,this\n", "b.jsonl": '{"prompt": "Who?", "completion": "I"}\n{"pro\n'}
    packed = uploads.save_all(
        studio,
        [
            (name, io.BytesIO(text.encode("utf-8", "surrogateescape")))
            for name, text in (files | {"c.csv": cut}).items()
        ],
    )
    seen = datasets.preview(studio, packed)
    assert [(p.file, p.row) for p in seen.problems] == [("a.csv", 3), ("b.jsonl", 2), ("c.csv", 2)]
    assert (seen.n_rows, seen.n_refused, seen.n_unreadable) == (3, 3, 1)
    made = datasets.add(studio, packed, name="rest", leave_out_refused=True, replace_unreadable=True)
    assert [row["completion"] for row in datasets.rows(made)] == ["This", "I", "Yes \ufffd", "été"]


def test_a_file_with_one_row_is_enough_where_there_are_others(studio: User) -> None:
    made = datasets.add(studio, sent(studio, {"a.txt": "One page of text.", "b.txt": "Another page."}), name="pages")
    assert (made.shape, made.n_rows) == ("text", 2)


def test_the_rows_of_one_file_are_held_out(studio: User) -> None:
    upload = sent(studio, {"train.csv": TRAIN, "test.csv": TEST})
    assert datasets.preview(studio, upload).held_out_file == "test.csv"
    made = datasets.add(studio, upload, name="split", split=Split(file="test.csv"))
    assert (made.n_held_out, made.held_out_file) == (7, "test.csv")
    assert all(row["prompt"].startswith("And") for row in datasets.rows(made, side="held_out"))
    assert all(row["prompt"].startswith("What") for row in datasets.rows(made, side="training"))
    assert "The held-out rows come from “test.csv”." in [remark["message"] for remark in made.remarks]
    assert versions.derive(studio, made, datasets.rows(made), []).held_out_file == "test.csv"


def test_rows_of_both_files_that_are_the_same_are_told(studio: User) -> None:
    made = datasets.add(
        studio, sent(studio, {"train.csv": TRAIN, "test.csv": TRAIN}), name="twice", split=Split(file="test.csv")
    )
    said = " ".join(remark["message"] for remark in made.remarks)
    assert "30 held-out rows are also training rows" in said


def test_a_file_called_like_a_test_set_is_not_held_out_in_silence(studio: User) -> None:
    made = datasets.add(studio, sent(studio, {"train.csv": TRAIN, "test.csv": TEST}), name="drawn")
    said = " ".join(remark["message"] for remark in made.remarks)
    assert "“test.csv” looks like a test set, but held-out rows were drawn from all files." in said


@pytest.mark.parametrize("name", ["train", "latest", "contest", "evaluations2024", "developers"])
def test_not_every_name_is_one_of_a_test_set(studio: User, name: str) -> None:
    seen = datasets.preview(studio, sent(studio, {f"{name}.csv": TRAIN, "more.csv": TEST}))
    assert seen.held_out_file is None


@pytest.mark.parametrize(
    ("files", "wanted", "told"),
    [
        ({"a.csv": TRAIN, "b.csv": TEST}, "c.csv", "no file is called “c.csv”"),
        ({"a.csv": TRAIN}, "a.csv", "there is only one file"),
    ],
)
def test_a_held_out_file_that_is_not_there_is_refused(
    studio: User, files: dict[str, str], wanted: str, told: str
) -> None:
    with pytest.raises(BadInput, match=told):
        datasets.add(studio, sent(studio, files), name="x", split=Split(file=wanted))
    assert datasets.of_user(studio) == []


def test_a_held_out_file_none_of_whose_rows_fits_is_refused(studio: User) -> None:
    upload = sent(studio, {"train.csv": TRAIN, "test.csv": "question,answer\nWhy?,\nWho?,\n"})
    with pytest.raises(BadInput, match="none of its rows fits"):
        datasets.add(studio, upload, name="x", split=Split(file="test.csv"), leave_out_refused=True)


def test_two_files_of_one_name_are_refused(studio: User) -> None:
    with pytest.raises(BadInput, match="is sent twice"):
        uploads.save_all(studio, [("a.csv", io.BytesIO(b"x")), ("b/a.csv", io.BytesIO(b"y"))])


def test_together_they_keep_to_the_limit(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_MAX_UPLOAD_BYTES", str(len(TRAIN) + 10))
    settings.cache_clear()
    with pytest.raises(uploads.TooLarge):
        sent(studio, {"a.csv": TRAIN, "b.csv": TEST})
    with pytest.raises(BadInput, match="is empty"):
        sent(studio, {"a.csv": TEST, "b.csv": ""})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (zipped({"a.csv": TRAIN, "tool.exe": b"MZ"}), "“tool.exe”, a kind of file that the studio can't read"),
        (zipped({"tool.exe": b"MZ"}), "with no table or text"),
        (
            zipped({"a.csv": TRAIN, "inner.zip": zipped({"b.csv": TEST})}),
            "“inner.zip”, a kind of file that the studio can't read",
        ),
        (
            zipped({"a.csv": TRAIN, "inner.csv": zipped({"b.csv": TEST})}),
            "“inner.csv”: is a zip archive of other files",
        ),
        (zipped({"a.csv": TRAIN, "b.csv": ""}), "is empty"),
        (zipped({"a.csv": TRAIN, "__MACOSX/._a.csv": b"\x00"})[:-40], "damaged"),
    ],
)
def test_zips_with_anything_else_are_refused(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "sent.zip"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=told):
        look(path, "sent.zip")


def test_what_a_file_manager_adds_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "sent.zip"
    packed = zipped({"data/a.csv": TRAIN, "__MACOSX/data/._a.csv": b"\x00", "data/.DS_Store": b"\x00"})
    path.write_bytes(packed)
    found = look(path, "sent.zip")
    assert [(file.name, file.first, file.last) for file in found.files] == [("data/a.csv", 1, 31)]
    assert found.n_rows == 30


def test_rows_know_their_document_in_every_version(studio: User) -> None:
    texts = [f"# {word}\n\nOne {word}.\n\n## More\n\nTwo times {word}.\n" for word in ("Apple", "Banjo", "Cedar")]
    files = {f"{n}.md": text for n, text in enumerate(texts)}
    made = datasets.add(studio, sent(studio, files), name="documents", shape="text")
    found = row_files.documents(datasets.file(made))
    assert len(found) == 3
    numbers = [row["source_row"] for row in datasets.rows(made)]
    assert [sum(first <= number <= last for number in numbers) for first, last in found] == [2, 2, 2]
    changed = versions.derive(studio, made, datasets.rows(made)[:-1], [])
    assert row_files.documents(datasets.file(changed)) == found
    tables = datasets.add(studio, sent(studio, {"train.csv": TRAIN, "more.csv": TEST}), name="tables")
    assert row_files.documents(datasets.file(tables)) == []
