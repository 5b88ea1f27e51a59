"""The process that reads documents: one a file, held within limits, without the studio's secrets."""

from __future__ import annotations

import io
import itertools
import threading
import zipfile
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path
from types import SimpleNamespace

import pytest

from storage import progress
from storage.data import intake
from storage.data.intake import bundles, isolate, reader_process
from storage.data.intake.source import Source
from templates import registry
from templates.errors import BadInput
from tests.storage.data.intake.bad_documents import good_letter, good_pdf, good_workbook

PAGE = b"<html>" + b"<p>a paragraph of text</p>" * 20_000
LARGE_PAGE = b"<html>" + b"<p>a" * 2_000_000


@pytest.fixture
def keep(tmp_path: Path) -> Callable[[str, bytes], Path]:
    """`keep(name, data)` writes a file."""

    def kept(name: str, data: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return kept


def test_a_document_is_read_once(runs: list[float], keep: Callable[[str, bytes], Path]) -> None:
    path = keep("mail.xlsx", good_workbook())
    look = intake.look(path, "mail.xlsx")
    for _ in range(2):
        rows = intake.shaped(look, registry.shape("text"), {"text": "text"}, intake.Findings("mail.xlsx"))
        assert [number for number, _ in rows] == list(range(2, 22))
    assert len(runs) == 1


def test_other_content_under_the_same_path_is_read_anew(keep: Callable[[str, bytes], Path]) -> None:
    assert intake.look(keep("file", good_pdf()), "file").format == "PDF"
    assert intake.look(keep("file", good_letter()), "file").format == "Word document"


def test_two_readers_at_once_do_not_disturb_each_other(keep: Callable[[str, bytes], Path]) -> None:
    source = Source(keep("page", PAGE), "page.html", "html", "utf-8")
    first, second = (isolate.rows(source, intake.Findings("page.html")) for _ in range(2))
    pairs = list(zip_longest(first, second))
    assert len(pairs) == 20_000
    assert all(one == other for one, other in pairs)


@pytest.mark.parametrize(
    ("limit", "value", "page", "says"),
    [
        ("MAX_S", 0, PAGE, "takes longer than 0 seconds"),
        ("MAX_MEMORY_BYTES", 400_000_000, LARGE_PAGE, "needs more memory"),
        ("MAX_NOTES_BYTES", 100_000, PAGE, "contains more text"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_document_beyond_the_limits_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    keep: Callable[[str, bytes], Path],
    limit: str,
    value: int,
    page: bytes,
    says: str,
) -> None:
    monkeypatch.setattr(isolate, limit, value)
    with pytest.raises(BadInput, match=says) as caught:
        intake.look(keep("page", page), "page.html")
    assert "“page.html”" in str(caught.value)
    assert len(caught.value.problems) == 1


def test_a_document_that_fails_is_tried_once(
    monkeypatch: pytest.MonkeyPatch, runs: list[float], keep: Callable[[str, bytes], Path]
) -> None:
    monkeypatch.setattr(isolate, "MAX_S", 0)
    with pytest.raises(BadInput, match="takes longer"):
        intake.look(keep("mail.xlsx", good_workbook()), "mail.xlsx")
    assert len(runs) == 1


@pytest.mark.parametrize("code", [reader_process.KILLED, -6, 1])
def test_a_crash_is_told_and_not_remembered(
    monkeypatch: pytest.MonkeyPatch, keep: Callable[[str, bytes], Path], code: int
) -> None:
    path = keep("letter", good_letter())
    with monkeypatch.context() as patch:
        patch.setattr(reader_process, "run", lambda *_: code)
        with pytest.raises(BadInput, match=r"“letter.docx”: can't be read: its reader crashed"):
            intake.look(path, "letter.docx")
    assert intake.look(path, "letter.docx").n_rows == 2


def test_files_that_can_swell_wait_for_a_place_and_small_tables_do_not(
    monkeypatch: pytest.MonkeyPatch, keep: Callable[[str, bytes], Path]
) -> None:
    monkeypatch.setattr(isolate, "_PLACES", threading.BoundedSemaphore(1))
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    letter = keep("letter", good_letter())
    steps: list[str] = []
    waits, found = threading.Event(), []

    def hear(step: str, _: float | None) -> None:
        steps.append(step)
        if step.startswith("Waiting"):
            waits.set()

    def look() -> None:
        with progress.told(hear):
            found.append(intake.look(letter, "letter.docx").n_rows)

    with isolate._PLACES:
        waiting = threading.Thread(target=look)
        waiting.start()
        assert waits.wait(60)
        assert intake.look(keep("table", b"a,b\n1,2\n3,4\n"), "table.csv").n_rows == 2
        assert not found
    waiting.join()
    assert found == [2]
    assert "Waiting for other files to be read" in steps


def test_a_text_beyond_all_measure_is_a_problem_of_its_row(keep: Callable[[str, bytes], Path]) -> None:
    page = b"<html><p>short</p><p>" + b"long " * 300_000 + b"</p>"
    with pytest.raises(BadInput, match=r"row 2, field “text”: is 1,499,999 characters long") as caught:
        intake.look(keep("page", page), "page.html")
    assert "more headings" in str(caught.value)


def zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return packed.getvalue()


def test_each_of_many_files_that_came_together_is_read_once(
    runs: list[float], keep: Callable[[str, bytes], Path]
) -> None:
    n_files = isolate.KEPT_FILES + 2
    page = b"<html><p>one</p><p>two</p>"
    look = intake.look(keep("sent.zip", zipped({f"{n}.html": page for n in range(n_files)})), "sent.zip")
    for _ in range(2):
        rows = intake.shaped(look, registry.shape("text"), {"text": "text"}, look.source.findings())
        assert len(list(rows)) == 2 * n_files
    assert len(runs) == n_files


def test_the_times_of_files_that_came_together_are_added_up(
    monkeypatch: pytest.MonkeyPatch, runs: list[float], keep: Callable[[str, bytes], Path]
) -> None:
    clock = itertools.count(step=250)
    monkeypatch.setattr(isolate, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    with pytest.raises(BadInput) as caught:
        intake.look(keep("sent.zip", zipped({f"{name}.html": PAGE for name in "abcdef"})), "sent.zip")
    assert [str(problem) for problem in caught.value.problems] == [
        "“d.html”: is where reading stopped: together, these files take longer than 600 seconds. "
        "Send fewer such files at a time, or save tables as CSV."
    ]
    assert runs == [300, 300, 100, 0]


@pytest.mark.parametrize(
    ("limit", "value", "says", "n_runs"),
    [
        ("MAX_READING_S", 0.01, "“a.html”: is where reading stopped: together, these files take longer", 1),
        ("MAX_NOTES_BYTES", 2_500_000, "“b.html”: is where reading stopped: together, these files contain more", 2),
    ],
)
def test_files_that_came_together_share_what_reading_may_take(
    monkeypatch: pytest.MonkeyPatch,
    runs: list[float],
    keep: Callable[[str, bytes], Path],
    limit: str,
    value: float,
    says: str,
    n_runs: int,
) -> None:
    monkeypatch.setattr(bundles, limit, value)
    with pytest.raises(BadInput) as caught:
        intake.look(keep("sent.zip", zipped({f"{name}.html": PAGE for name in "abcd"})), "sent.zip")
    (problem,) = caught.value.problems
    assert str(problem).startswith(says)
    assert "Send fewer" in str(problem)
    assert len(runs) == n_runs
