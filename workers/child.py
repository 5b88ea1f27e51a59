"""The child process that runs a job: starts it, talks to it, and ends it.

It gets its own session (so that all its descendants can be killed at once), an empty working folder,
and an environment with only what training needs: none of the worker's secrets.
"""

from __future__ import annotations

import logging
import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from pydantic import BaseModel

from storage.programs import program
from storage.settings import settings
from workers import protocol, waiting

COMMAND = program("workers.run")
REAP_S = 10.0
FOLDER_PREFIX = "studio-child-"
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "TRANSFORMERS_VERBOSITY": "warning",
}
"""Keeps libraries from calling home and from looking for missing files."""
INHERITED = ("PATH", "LANG", "TZ", "USER", "LOGNAME", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "CUDA_HOME", "CUDA_PATH")
INHERITED_PREFIXES = ("LC_", "NVIDIA_", "CUDA_", "PYTORCH_", "NCCL_")
PACKAGES = Path(__file__).resolve().parent.parent

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Death:
    """How a child ended that gave no reason."""

    exit_code: int
    """Negative: the signal that killed it."""
    out_of_memory: bool
    """The kernel reported an out-of-memory kill while this child ran."""
    last_words: str
    """The end of its stderr output before it got an order."""

    @property
    def killed(self) -> bool:
        """Someone sent SIGKILL: nearly always the kernel when memory is short."""
        return self.exit_code == -signal.SIGKILL

    def __str__(self) -> str:
        if self.exit_code < 0:
            return f"it was killed by signal {-self.exit_code} ({signal.Signals(-self.exit_code).name})"
        return f"it exited with code {self.exit_code}"


class Child:
    """A spawned child: a spare until it gets an order, then tied to that attempt."""

    def __init__(self, command: Sequence[str] = COMMAND, *, device: str | None = None, threads: int = 1):
        self.reports: queue.SimpleQueue[protocol.Report | None] = queue.SimpleQueue()
        """The child's messages; None once its pipe has closed."""
        self.ready = threading.Event()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-"))
        for name in ("home", "cwd", "tmp"):
            (self._folder / name).mkdir()
        self._oom_kills = oom_kills()
        with (self._folder / "stderr").open("wb") as stderr:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=self._folder / "cwd",
                env=environment(self._folder, device, threads),
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._read, name=f"child-{self.pid}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Process id, which is also its process group's."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                report = protocol.parse_report(line)
            except ValueError as error:
                log.warning("child %d sent an invalid message: %s", self.pid, error)
                continue
            if isinstance(report, protocol.Ready):
                self.ready.set()
            else:
                self.reports.put(report)
        self.reports.put(None)

    def send(self, message: BaseModel) -> bool:
        """Send an order or a stop; False if the child no longer reads."""
        assert self._process.stdin is not None
        try:
            protocol.write(self._process.stdin, message)
        except (OSError, ValueError):  # its end of the pipe is closed: `reports` will say so
            return False
        return True

    def kill(self) -> None:
        """Kill the child and everything it started."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # already gone

    def bury(self) -> Death:
        """Kill whatever is left of the child, and return how it ended."""
        try:
            self._process.wait(REAP_S if self.reports_ended() else 0)
        except subprocess.TimeoutExpired:
            pass
        own_end = self._process.poll()
        self.kill()
        exit_code = self._process.wait(REAP_S) if own_end is None else own_end
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except OSError:
                pass  # unsent bytes for a dead child
        words = (self._folder / "stderr").read_text("utf-8", "replace")[-2000:]
        shutil.rmtree(self._folder, ignore_errors=True)
        return Death(exit_code, oom_kills() > self._oom_kills, words.strip())

    def reports_ended(self) -> bool:
        """Whether the child has closed its pipe."""
        return not self._reader.is_alive()


def environment(folder: Path, device: str | None, threads: int) -> dict[str, str]:
    """The child's environment: the allowed variables, and settings that keep it offline."""
    kept = {k: v for k, v in os.environ.items() if k in INHERITED or k.startswith(INHERITED_PREFIXES)}
    paths = [str(PACKAGES), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    kept |= {
        **waiting.ENVIRONMENT,
        **OFFLINE,
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": str(threads),
        "STUDIO_CPU_DTYPE": settings().cpu_dtype,
        "TOKENIZERS_PARALLELISM": "false",
    }
    if device is not None:
        kept["CUDA_VISIBLE_DEVICES"] = device
    return kept


def oom_kills() -> int:
    """The number of out-of-memory kills on this machine and in this control group."""
    counted = 0
    for path in (Path("/proc/vmstat"), Path("/sys/fs/cgroup/memory.events")):
        if path.exists():
            pairs = (line.split() for line in path.read_text().splitlines())
            counted += sum(int(pair[1]) for pair in pairs if pair[0] == "oom_kill")
    return counted


def remove_leftovers() -> None:
    """Remove the folders of children whose worker was killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        pid = folder.name.removeprefix(FOLDER_PREFIX).split("-")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)
