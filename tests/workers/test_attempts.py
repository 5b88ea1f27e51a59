"""An attempt: nothing that its child said is lost."""

from __future__ import annotations

import sys
import threading

from storage.jobs import jobs, leases, worker_rows
from storage.models import JobState, User
from workers.attempts import TICK_S, Attempt
from workers.child import Child
from workers.protocol import Order

LAST_WORDS = """print('{"type": "failed", "code": "bad_rows", "message": "Row 3 is empty."}', flush=True)"""


class LateReader(Child):
    """A child whose messages are read some ticks after it has exited, as on a machine with too much to do."""

    def _read(self) -> None:
        self._process.wait()
        threading.Event().wait(5 * TICK_S)
        super()._read()


def test_last_words_count_though_they_are_read_late(studio: User) -> None:
    job = jobs.submit(studio, name="one", kind="train", spec={})
    lease = leases.claim(worker_rows.register(device="cpu", slots=1))
    assert lease
    order = Order(kind="train", job_id=job.id, attempt=1, name="one", log_file="", threads=1, staging="")
    Attempt(lease, LateReader((sys.executable, "-c", LAST_WORDS)), order, threading.Event()).run()
    ended = jobs.get(studio, job.id)
    assert (ended.state, ended.error) == (JobState.FAILED, "Row 3 is empty.")
