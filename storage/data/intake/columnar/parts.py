"""A file's bytes, part by part, as numpy sees them, and the texts that are cut out of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from storage import progress
from storage.data.intake.columnar.columns import Abstained
from storage.data.intake.source import Source

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Places = NDArray[np.int64]
    Take = Callable[[Bytes], tuple[pa.RecordBatch | None, int]]

PART_BYTES = 2_000_000
"""Read at once: what is gone through several times should stay in the processor's cache, and each part costs calls."""
ROW_BYTES = 4_000_000
"""A part with a longer row is left to the format's reader."""
NEWLINE, RETURN, QUOTE, BACKSLASH = 10, 13, 34, 92


def batches(source: Source, start: int, line_end: bytes, take: Take) -> Iterator[pa.RecordBatch]:
    """What `take` makes of the file's bytes from `start` on.

    It is shown a part and gives the rows that end in it and how many bytes they have; the others come
    again with the next part. The part's memory is used again, so nothing may keep it. A last line
    without an end gets `line_end`.
    """
    import numpy as np

    memory = bytearray(ROW_BYTES + PART_BYTES + len(line_end))
    space = np.frombuffer(memory, np.uint8)
    n_held, at_end = 0, False
    with progress.unbuffered(source.path) as file:
        file.seek(start)
        while not at_end or n_held:
            n_read = file.readinto(memoryview(memory)[n_held : n_held + PART_BYTES])
            n_held, at_end = n_held + n_read, n_read == 0
            if at_end and n_held and space[n_held - 1] != NEWLINE:
                space[n_held : n_held + len(line_end)] = np.frombuffer(line_end, np.uint8)
                n_held += len(line_end)
            batch, n_taken = take(space[:n_held])
            if batch is not None:
                yield batch
            n_held -= n_taken
            if n_held > ROW_BYTES or (at_end and n_held):
                raise Abstained
            space[:n_held] = space[n_taken : n_taken + n_held].copy()


class Marks:
    """Finds the bytes that matter in part after part, in memory used again.

    Memory that is new each time would cost several times what the search does.
    """

    def __init__(self, *, up_to: int, which: Sequence[int]):
        """Bytes of numbers `up_to` this one, and `which`."""
        import numpy as np

        self._up_to, self._which = up_to, which
        self._found, self._one = (np.empty(ROW_BYTES + PART_BYTES + 2, np.bool_) for _ in range(2))

    def find(self, part: Bytes) -> tuple[Places, Bytes]:
        """Where they are, and which is there."""
        import numpy as np

        found, one = self._found[: len(part)], self._one[: len(part)]
        np.less_equal(part, self._up_to, out=found)
        for byte in self._which:
            np.equal(part, byte, out=one)
            np.logical_or(found, one, out=found)
        places = np.flatnonzero(found)
        return places, part[places]


def cut(part: Bytes, starts: Places, ends: Places) -> pa.Array:
    """The texts between those places, which follow one another; copied."""
    import numpy as np
    import pyarrow as pa

    bounds = np.empty((len(starts), 2), np.int32)
    bounds[:, 0], bounds[:, 1] = starts, ends
    texts_and_gaps = pa.StringArray.from_buffers(bounds.size - 1, pa.py_buffer(bounds), pa.py_buffer(part))
    return texts_and_gaps.take(pa.array(np.arange(0, bounds.size, 2)))


def without(written: Bytes, bounds: NDArray[np.int32], places: Places) -> pa.Array:
    """The texts that `written` has one after the other, without the bytes at these places of it.

    `bounds` are where each begins and the last ends, counted from anywhere.
    """
    import numpy as np
    import pyarrow as pa

    ends = bounds - bounds[0]
    ends = (ends - np.searchsorted(places, ends)).astype(np.int32)
    return pa.StringArray.from_buffers(len(ends) - 1, pa.py_buffer(ends), pa.py_buffer(np.delete(written, places)))


def replaced(texts: pa.Array, which: NDArray[np.bool_], made: Callable[[pa.Array], Any]) -> pa.Array:
    """The texts, those in `which` as `made` gives them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not which.any():
        return texts
    mask = pa.array(which)
    return pc.replace_with_mask(texts, mask, made(texts.filter(mask)))
