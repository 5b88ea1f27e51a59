"""Several files sent as one zip: each is read in its own format, and their rows follow one another.

Rows are numbered across all files, so that a number means just one row; messages about a row name its file
and its number there.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from storage import disk
from storage.data.intake.findings import Findings, Reach, refusal, visible
from storage.data.intake.office import zip_files
from storage.data.intake.office.zip_files import Unusable
from templates.errors import Problem

if TYPE_CHECKING:
    from _typeshed import SupportsRead

    from storage.data.intake.source import Source, SourceRow

Scratch = Callable[[], Path]
"""Returns the folder for temporary files."""
MAX_FILES = 200
MAX_READING_S = 600
MAX_NOTES_BYTES = 4 * 1024**3
"""The limits for reading all files together, where each is read in its own process."""
MADE_BY_SYSTEMS = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")
"""Files that file managers add to a zip and that nobody means to send."""
_SAME_TIME = (1980, 1, 1, 0, 0, 0)
_UNPACK = "Unpack it and send the files that you mean."


@dataclass
class Allowance:
    """The time and output still allowed to the processes that read a bundle's files, one each."""

    left_s: float
    left_bytes: int

    @property
    def is_spent(self) -> bool:
        return self.left_s <= 0 or self.left_bytes <= 0


@dataclass
class Bundle:
    """The files of one zip, unpacked into a folder that is removed when nobody needs it any more."""

    folder: tempfile.TemporaryDirectory[str]
    members: list[tuple[Path, str]]
    """Each file's path, and its name in the zip."""
    parts: list[Source] = field(default_factory=list)
    """The same files as sources, after the first look at each."""
    ends: list[int] = field(default_factory=list)
    """The number of each file's last row, known after reading all files once."""
    allowance: Allowance = field(default_factory=lambda: Allowance(MAX_READING_S, MAX_NOTES_BYTES))

    def rows(self, read: Callable[[Source, Findings], Iterator[SourceRow]], findings: Findings) -> Iterator[SourceRow]:
        """The rows of all files, as `read` returns them, numbered across files.

        Problems with rows go into `findings`, numbered in the same way.
        """
        ends, last = [], 0
        for part in self.parts:
            noted = _OfPart(part.filename, last, findings)
            first = last
            for row in read(part, noted):
                last = first + row.number
                yield replace(row, number=last)
            last = max(last, noted.last)
            ends.append(last)
        self.ends = ends

    def place(self, number: int) -> tuple[str, int]:
        """The file that holds the row with this number, and the row's number there."""
        index = bisect_left(self.ends, number)
        return self.parts[index].filename, number - (self.ends[index - 1] if index else 0)


class _OfPart(Findings):
    """Passes on problems with a file's rows. Its first look has noted everything else."""

    def __init__(self, file: str, first: int, whole: Findings):
        super().__init__(file)
        self._first, self._whole = first, whole
        self.last = first

    def add(self, problem: Problem, reach: Reach = "row") -> None:
        if problem.row is not None:
            self.last = max(self.last, self._first + problem.row)
            problem = replace(problem, row=self._first + problem.row)
        self._whole.add(problem, reach)


def pack(files: Iterable[tuple[str, SupportsRead[bytes]]], target: IO[bytes]) -> None:
    """Write files into a zip; the same bytes for the same files."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as packed:
        for name, content in files:
            with packed.open(zipfile.ZipInfo(name, _SAME_TIME), "w", force_zip64=True) as member:
                shutil.copyfileobj(content, member)


def check(file: zipfile.ZipFile, filename: str, suffixes: Iterable[str]) -> None:
    """Raises `BadInput` for a zip that can't be read as several files; `suffixes` are those of files that can."""
    known = set(suffixes)
    names = [info.filename for info in _members(file)]
    strange = [name for name in names if PurePosixPath(name).suffix.lower() not in known]
    if len(strange) == len(names):
        raise refusal(filename, "is a zip archive with no table or text in it.", remedy=_UNPACK)
    if strange:
        what = f"holds “{visible(strange[0])}”, a kind of file that the studio can't read."
        raise refusal(filename, what, remedy=_UNPACK)
    if len(names) > MAX_FILES:
        raise refusal(filename, f"holds {len(names):,} files; the limit is {MAX_FILES:,}.", remedy="Send fewer.")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise refusal(filename, f"holds two files called “{visible(twice)}”.", remedy="Rename one of them.")


def unpack(path: Path, filename: str, scratch: Scratch | None) -> Bundle:
    """The files in a zip, in a folder inside `scratch` (or the system's).

    Raises `BadInput` for a damaged one, and `DiskFull`.
    """
    folder = tempfile.TemporaryDirectory(prefix="studio-files-", dir=scratch and scratch())
    members, needed = [], None
    try:
        with zip_files.opened(path) as file:
            needed = sum(info.file_size for info in _members(file))
            disk.need(needed, Path(folder.name), file=filename)
            for number, info in enumerate(_members(file)):
                place = Path(folder.name) / f"{number:04d}"
                with file.open(info) as packed, place.open("wb") as unpacked:
                    shutil.copyfileobj(packed, unpacked)
                members.append((place, visible(info.filename)))
    except Unusable as error:
        raise refusal(filename, f"is a zip archive, but it {error.message}", remedy=error.remedy) from error
    except OSError as error:
        if not disk.is_full(error):
            raise
        raise disk.full(needed, Path(folder.name), file=filename) from error
    return Bundle(folder, members)


def _members(file: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files that the user meant to send."""
    return [
        info
        for info in file.infolist()
        if not info.is_dir() and not set(PurePosixPath(info.filename).parts) & set(MADE_BY_SYSTEMS)
    ]
