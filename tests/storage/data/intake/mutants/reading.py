"""Reads mutants one after the other, held within limits: `python -m tests.storage.data.intake.mutants.reading`.

… GROUP FIRST END …            a line of JSON for each mutant of the group from FIRST to before END; and of more groups
… GROUP NUMBER [FILE]          one of them, with its traceback; keeps it as FILE, if given
"""

from __future__ import annotations

import faulthandler
import json
import re
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from storage.data.intake import reader_process
from tests.storage.data.intake import here
from tests.storage.data.intake.mutants.judging import judge
from tests.storage.data.intake.mutants.mutants import mutant

HANGS_AFTER_S = 20
"""Of waiting for one mutant; then the process ends and writes where it was."""
MAX_ADDRESSES_BYTES = 4 * 1024**3


def _result(group: str, number: int, folder: Path) -> dict[str, Any]:
    made = mutant(group, number)
    path = folder / str(number)  # a name of its own: what was read is remembered by it
    path.write_bytes(made.data)
    began = time.process_time()  # other tests run beside this one
    read_as, wrong = None, None
    try:
        read_as = judge(made, path)
    except Exception:
        wrong = traceback.format_exc(limit=-12)
    took_ms = (time.process_time() - began) * 1000
    path.unlink()
    return {"group": group, "number": number, "read_as": read_as, "wrong": wrong, "ms": took_ms, "peak_mb": peak_mb()}


def peak_mb() -> float:
    """The most memory of this process so far; `ru_maxrss` would count its parent's, where Linux tells its own."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.findall(r"VmHWM:\s+(\d+)", status.read_text())[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def main(spans: Iterable[tuple[str, int, int]]) -> None:
    """Read each group's mutants from the first to before the end."""
    reader_process.run = here.run  # so that a traceback is seen
    resource.setrlimit(resource.RLIMIT_AS, (MAX_ADDRESSES_BYTES, resource.RLIM_INFINITY))
    with tempfile.TemporaryDirectory() as folder:
        for group, number in ((group, number) for group, first, end in spans for number in range(first, end)):
            faulthandler.dump_traceback_later(HANGS_AFTER_S, exit=True)
            result = _result(group, number, Path(folder))
            faulthandler.cancel_dump_traceback_later()
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    asked_group, asked, *more = sys.argv[1:]
    if more and more[0].isdecimal():
        asked_spans = zip(sys.argv[1::3], sys.argv[2::3], sys.argv[3::3], strict=True)
        main((group, int(first), int(end)) for group, first, end in asked_spans)
    else:
        one = mutant(asked_group, int(asked))
        print(one)
        for name in more:
            Path(name).write_bytes(one.data)
        main([(asked_group, int(asked), int(asked) + 1)])
