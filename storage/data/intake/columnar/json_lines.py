"""JSON lines as columns: each line an object of texts, whole numbers and truth values under the same keys."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

from storage import progress
from storage.data.intake import strict_json
from storage.data.intake.columnar import columns, like_lines
from storage.data.intake.columnar.columns import Abstained
from storage.data.intake.source import MAX_COLUMNS, Source

if TYPE_CHECKING:
    import pyarrow as pa

N_FIRST = 200
"""Lines from which the columns are known; a later row with others is read row by row, as all are then."""
BLOCK_BYTES = 4_000_000


def write(source: Source, sink: IO[bytes]) -> None:
    """Write all rows; a row's number is its line. Raises `Abstained`."""
    if source.encoding != "utf-8":
        raise Abstained
    schema = _schema(source)
    try:
        like_lines.write(source, sink)
    except Abstained:
        _write_any(source, sink, schema)


def _write_any(source: Source, sink: IO[bytes], schema: pa.Schema) -> None:
    """What Arrow makes of lines that differ in more than their values. Raises `Abstained`."""
    import pyarrow as pa

    n_lines = _count_lines(source)
    try:
        n_rows = columns.fill(sink, schema.names, _batches(source, schema))
    except pa.ArrowInvalid as error:
        raise Abstained from error
    if n_rows != n_lines:
        raise Abstained  # blank lines, or several objects on one


def _count_lines(source: Source) -> int:
    """Raises `Abstained` for NUL characters and for line ends that not all programs take for one."""
    n_ends, last = 0, b"\n"
    with progress.opened(source.path) as file:
        while part := file.read(BLOCK_BYTES) + file.readline(BLOCK_BYTES):
            odd_returns = b"\r" in part and part.count(b"\r") != part.count(b"\r\n")
            too_long = not part.endswith(b"\n") and file.peek(1)
            if b"\x00" in part or b"\\u0000" in part or odd_returns or too_long:
                raise Abstained
            n_ends += part.count(b"\n")
            last = part[-1:]
    return n_ends + (last != b"\n")


def _schema(source: Source) -> pa.Schema:
    import pyarrow as pa

    types = {str: pa.string(), int: pa.int64(), bool: pa.bool_(), type(None): pa.null()}
    found: dict[str, pa.DataType] = {}
    with source.open() as stream:
        for line in islice(stream, N_FIRST):
            for key, value in _object(line).items():
                kind = types.get(type(value))
                before = found.setdefault(key, kind)
                if kind is None or (before != kind and pa.null() not in (before, kind)):
                    raise Abstained
                found[key] = kind if before == pa.null() else before
    if not found or len(found) > MAX_COLUMNS:
        raise Abstained
    return pa.schema(list(found.items()))


def _object(line: str) -> dict[str, Any]:
    try:
        value = strict_json.decode(line)
    except strict_json.Flaw as flaw:
        raise Abstained from flaw
    if not isinstance(value, dict):
        raise Abstained
    return value


def _batches(source: Source, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    import numpy as np
    import pyarrow as pa
    import pyarrow.json as pj

    parsing = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
    # a row longer than its block is an error, which makes us abstain
    reading = pj.ReadOptions(block_size=BLOCK_BYTES)
    place = 0
    with pj.open_json(source.path, reading, parsing) as reader:
        for batch in reader:
            numbers = pa.array(np.arange(place + 1, place + 1 + batch.num_rows))
            place += batch.num_rows
            yield pa.RecordBatch.from_arrays([numbers, *batch.columns], names=["", *schema.names])
