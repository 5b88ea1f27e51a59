"""How fast a large file becomes a dataset, compared with the least work in pandas and `datasets`."""

from __future__ import annotations

import csv
import json
import random
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from app.bench import ground
from app.bench.contender import CONTENDERS
from storage import migrate
from storage.programs import program
from templates.errors import StudioError

TIMES_PANDAS = 2
"""Rows per second of JSON lines, as a multiple of pandas in the same run."""
PEAK_BYTES = 400_000_000
N_ROWS = 200_000
N_FEW = 100
"""Rows that each contender reads first, to trigger its late imports."""
REPEATED = 0.02
"""Share of rows that occur twice."""
FIELDS = ("prompt", "completion")
TAKEN_WITHIN_S = 900


def _rows(n_rows: int) -> Iterator[tuple[str, str]]:
    """Questions and answers, about 480 bytes a row; some with quotes and line ends."""
    draw = random.Random(7)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 9))) for _ in range(5_000)]
    made: list[tuple[str, str]] = []
    for number in range(n_rows):
        if made and draw.random() < REPEATED:
            yield draw.choice(made)
            continue
        odd = ' He said: "no",\nand left.' if number % 7 == 0 else ""
        row = f"{number} {' '.join(draw.choices(words, k=25))}?", " ".join(draw.choices(words, k=45)) + odd
        made = [*made[-99:], row]
        yield row


def _write_jsonl(path: Path, n_rows: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(dict(zip(FIELDS, row, strict=True))) + "\n" for row in _rows(n_rows))


def _write_csv(path: Path, n_rows: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(FIELDS)
        writer.writerows(_rows(n_rows))


FILES: dict[str, Callable[[Path, int], None]] = {"rows.jsonl": _write_jsonl, "rows.csv": _write_csv}


def measure(rounds: int, n_rows: int) -> dict[str, Any]:
    """Median times of `rounds` alternating runs per file and contender, each in a new process on one core."""
    found: dict[str, Any] = {"rows": n_rows, "rounds": rounds, "files": {}}
    for name, write in FILES.items():
        with tempfile.TemporaryDirectory(prefix="studio-bench-") as folder:
            path, few = Path(folder) / name, Path(folder) / f"few-{name}"
            write(path, n_rows)
            write(few, N_FEW)
            size = path.stat().st_size
            turns = [{each: _taken(each, few, path) for each in CONTENDERS} for _ in range(rounds)]
        taken = {each: _summary([turn[each] for turn in turns], n_rows) for each in CONTENDERS}
        found["files"][name] = {"size_bytes": size, **taken}
    return found


def _taken(contender: str, few: Path, path: Path) -> dict[str, Any]:
    command = program("app.bench.contender", contender, str(few), str(path))
    with ground.fresh():
        migrate.upgrade()
        done = subprocess.run(command, capture_output=True, text=True, timeout=TAKEN_WITHIN_S, check=False)
    if done.returncode:
        raise StudioError(f"{contender} did not take {path.name}: {done.stderr[-500:]}")
    run: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return run


def _summary(runs: list[dict[str, Any]], n_rows: int) -> dict[str, Any]:
    seconds, processor_s = (statistics.median(run[of] for run in runs) for of in ("seconds", "processor_s"))
    return {
        "seconds": seconds,
        "processor_s": processor_s,
        "rows_per_s": n_rows / seconds,
        "rows_per_processor_s": n_rows / processor_s,
        "peak_bytes": max(run["peak_bytes"] for run in runs),
    }


def sentences(found: dict[str, Any]) -> list[str]:
    """A line for each file and contender, and how the studio compares."""
    lines = [
        f"{found['rows']:,} rows → validated, repeats counted, split and stored, on one core: rows a second by the "
        f"clock, and of the core's own time, without what others had of it (promised: at least {TIMES_PANDAS} times "
        f"pandas' rate of JSON lines, within {PEAK_BYTES / 1e6:.0f} MB)"
    ]
    for name, of_file in found["files"].items():
        ours = of_file["studio"]["seconds"]
        lines.append(f"{name}, {of_file['size_bytes'] / 1e6:.0f} MB")
        for each in CONTENDERS:
            run = of_file[each]
            rates = f"{run['rows_per_s']:>9,.0f} {run['rows_per_processor_s']:>9,.0f} rows/s"
            beside = "" if each == "studio" else f"  (the studio is {run['seconds'] / ours:.1f} times as fast)"
            lines.append(f"  {each:<9} {rates} {run['peak_bytes'] / 1e6:>6,.0f} MB{beside}")
    return lines
