"""A service's answers on disk, one line each, flushed before the next: none is asked for twice.

The folder belongs to one person, teacher, set of prompts and decoding, and outlives the job: a job that failed half
way and is run again finds its answers there, also with other filters.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO

from workers.answering.replies import Reply
from workers.answering.spoken import Spoken
from workers.evaluation.generation import Interrupted

LOOK_S = 0.5
FILE = "answers.jsonl"
Key = tuple[int, int]
"""The number of the prompt's row, and which of its answers."""


class SealedAnswers:
    """The answers in one folder, while this process holds its lock."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.replies: dict[Key, Reply] = {}
        whole = 0
        for line in file:
            if not line.endswith(b"\n"):
                break  # the process that wrote it was killed
            document = json.loads(line)
            spoken = Spoken(**document["spoken"])
            counts = document["prompt_tokens"], document["completion_tokens"]
            self.replies[document["row"], document["sample"]] = Reply(spoken, *counts)
            whole += len(line)
        file.truncate(whole)
        file.seek(whole)

    def add(self, key: Key, reply: Reply) -> None:
        """Seal one answer."""
        line = {"row": key[0], "sample": key[1], **asdict(reply)}
        self._file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.replies[key] = reply


@contextmanager
def opened(folder: Path, stopped: Callable[[], bool]) -> Iterator[SealedAnswers]:
    """The folder's answers; waits while another job adds to them. Raises `Interrupted` once `stopped()` is true."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / FILE
    path.touch(mode=0o600)
    with path.open("r+b") as file:
        while not _locked(file):
            if stopped():
                raise Interrupted
            time.sleep(LOOK_S)
        yield SealedAnswers(file)


def _locked(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
