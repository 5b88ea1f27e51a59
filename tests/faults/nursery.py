"""Workers are forked from a process that has imported all they need, which would take each of them a second.

`python -m tests.faults.nursery` is that process: for each line of JSON it reads, it forks a worker and says its id.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]


class Nursery:
    """Starts workers."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def fork(self, arguments: Sequence[str], environ: Mapping[str, str], log: Path) -> psutil.Process:
        """A worker with this environment, which writes what it says into the log."""
        assert self._process.stdin
        assert self._process.stdout
        log.touch()
        print(json.dumps([arguments, dict(environ), str(log)]), file=self._process.stdin, flush=True)
        return psutil.Process(int(self._process.stdout.readline()))

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def _work(arguments: Sequence[str], environ: Mapping[str, str], log: str) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(environ)
    output = os.open(log, os.O_WRONLY | os.O_APPEND)
    for standard, file in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, output)):
        os.dup2(file, standard)
    scripted_worker.main(arguments)


def main() -> None:
    """Fork until nobody asks any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the ended ones are forgotten at once
    for line in sys.stdin:
        if not (pid := os.fork()):
            _work(*json.loads(line))
        print(pid, flush=True)


if __name__ == "__main__":
    from tests.faults import scripted_worker

    main()
