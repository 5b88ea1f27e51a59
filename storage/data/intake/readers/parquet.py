"""Parquet: typed columns; rows are counted from 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from storage import progress
from storage.data.intake.findings import Findings
from storage.data.intake.source import MAX_ROWS, Source, SourceRow, check_columns, check_names

TITLE = "Parquet"
BATCH_ROWS = 64
"""Size held in memory at a time: a repeated text takes no room in the file, but its full size here."""
MAX_DECODED_BYTES = 4 * 1024**3
MAX_THRIFT_ITEMS = 200_000
"""Limits the memory that a footer can make the reader allocate."""
MAX_THRIFT_BYTES = 50_000_000


def read(source: Source, findings: Findings) -> Iterator[SourceRow]:
    """The table's rows, as plain values."""
    try:
        yield from _rows(source, findings)
    except MemoryError:
        raise  # Arrow's error is also one of its own exceptions
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        what = _in_words(error)
        if "launch worker thread" in what:
            raise MemoryError from error  # there was no room for its stack
        if "size limit" in what:
            what = f"its footer lists more than {MAX_THRIFT_ITEMS:,} columns or parts"
        elif "thrift" in what:
            what = "its footer, or the head of a page, can't be read"
        findings.problem(f"is damaged or not usable Parquet: {what}.", remedy="Write the file again and send it again.")


def _in_words(error: Exception) -> str:
    """The first line of the library's message."""
    said = str(error).strip() or "it gives no reason"
    return said.splitlines()[0][:200].rstrip(". ")


def _rows(source: Source, findings: Findings) -> Iterator[SourceRow]:
    import pyarrow.parquet as pq  # needed late: the web process starts faster and smaller without it

    with pq.ParquetFile(
        source.path,
        thrift_container_size_limit=MAX_THRIFT_ITEMS,
        thrift_string_size_limit=MAX_THRIFT_BYTES,
        page_checksum_verification=True,
    ) as file:
        names = list(file.schema_arrow.names)
        if not check_columns(names, findings) or not check_names(names, findings):
            return
        if file.metadata.num_rows > MAX_ROWS:
            findings.problem(f"has {file.metadata.num_rows:,} rows; the limit is {MAX_ROWS:,}.")
            return
        number = n_bytes = 0
        batches = file.iter_batches(BATCH_ROWS, use_threads=False)  # their stacks would count as memory
        for batch in progress.through(batches, -(-file.metadata.num_rows // BATCH_ROWS)):
            n_bytes += batch.nbytes
            if n_bytes > MAX_DECODED_BYTES:
                findings.problem("unpacks to more than 4 GB.", row=number + 1, remedy="Send fewer rows.", reach="file")
                return
            found = {name: _values(batch.column(name), name, number + 1, findings) for name in names}
            columns = {name: values for name, values in found.items() if values is not None}
            if len(columns) < len(found):
                return
            for row in range(batch.num_rows):
                number += 1
                yield SourceRow(number, {name: values[row] for name, values in columns.items()})


def _values(column: pa.Array, name: str, begin: int, findings: Findings) -> list[Any] | None:
    """Plain values; None, with a problem noted, if Python can't represent them, such as a day in the year 20000."""
    try:
        values: list[Any] = column.to_pylist()
        return values
    except (ValueError, OverflowError, LookupError) as error:
        findings.problem(
            f"holds values that can't be read ({_in_words(error)}).",
            row=begin + _first_unreadable(column),
            field=name,
            remedy="Leave the column out, or write it as text.",
            reach="file",
        )
        return None


def _first_unreadable(column: pa.Array) -> int:
    """The place of the first value that Python can't represent."""
    for place, value in enumerate(column):
        try:
            value.as_py()
        except (ValueError, OverflowError, LookupError):
            return place
    return 0
