"""`python -m app.bench.contender NAME FEW FILE`: times one way to read a file, in its own process on one core.

Reads the file, drops or counts missing and repeated values, draws a held-out split and writes Parquet.
Prints wall-clock seconds, processor seconds and peak memory as JSON. Imports and start-up don't count: it
reads a small file first, so that it measures what a running studio would take.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

SHARE, SEED = 0.1, 42
Take = Callable[[], int]


def _studio(path: Path) -> Take:
    from storage import users
    from storage.data import datasets, uploads
    from storage.data.splits import Split

    user = users.local()
    with path.open("rb") as stream:
        upload = uploads.save(user, path.name, stream)
    return lambda: datasets.add(user, upload, name=path.name, split=Split(SEED, SHARE)).n_rows


def _pandas(path: Path) -> Take:
    import pandas

    def take() -> int:
        frame = pandas.read_json(path, lines=True) if path.suffix == ".jsonl" else pandas.read_csv(path)
        frame = frame.dropna().drop_duplicates()
        frame["held_out"] = False
        frame.loc[frame.sample(frac=SHARE, random_state=SEED).index, "held_out"] = True
        frame.to_parquet(path.with_suffix(".pandas"), compression="zstd")
        return len(frame)

    return take


def _datasets(path: Path) -> Take:
    import datasets

    datasets.disable_progress_bars()
    kind = "json" if path.suffix == ".jsonl" else "csv"

    def take() -> int:
        with tempfile.TemporaryDirectory() as cache:
            rows = datasets.load_dataset(kind, data_files=str(path), split="train", cache_dir=cache)
            sides = rows.train_test_split(SHARE, seed=SEED)
            for name, side in sides.items():
                side.to_parquet(path.with_suffix(f".{name}"))
            return len(rows)

    return take


CONTENDERS: dict[str, Callable[[Path], Take]] = {"studio": _studio, "pandas": _pandas, "datasets": _datasets}


def used(name: str) -> tuple[float, int]:
    """Processor time and peak resident memory so far, of this process and of its reader processes.

    Of several readers, only the largest counts towards memory.
    """
    processor_s, peak_bytes = time.process_time(), _own_peak_bytes()
    if name == "studio":
        from storage.data.intake.reader_process import taken  # in none of the others' memory

        return processor_s + taken.processor_s, peak_bytes + taken.peak_bytes
    return processor_s, peak_bytes


def _own_peak_bytes() -> int:
    status = Path("/proc/self/status")
    if status.exists():  # the other figure counts the process that started this one
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        return int(found[1]) * 1024 if found else 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Read the file and print the measurements."""
    name, few, path = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    importlib.import_module("pandas")  # which every one of them has loaded sooner or later, and a running studio has
    CONTENDERS[name](few)()
    take = CONTENDERS[name](path)
    before_s, _ = used(name)
    began = time.perf_counter()
    n_rows = take()
    seconds = time.perf_counter() - began
    after_s, peak_bytes = used(name)
    took = {"seconds": seconds, "processor_s": after_s - before_s, "peak_bytes": peak_bytes}
    print(json.dumps({"rows": n_rows, **took}))


if __name__ == "__main__":
    main()
