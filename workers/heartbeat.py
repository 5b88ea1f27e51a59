"""Renews one lease from its own thread, sends news along, and notices requests to cancel."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from storage import db
from storage.jobs import leases
from storage.jobs.leases import Lease, LeaseLost, Renewal
from storage.models import JobMetric
from storage.settings import settings

NEWS_S = 1.0
"""How often to send news and to check for a request to cancel; without news the lease is renewed every
`heartbeat_s`."""
RETRY_S = 0.5

log = logging.getLogger(__name__)


class Heartbeat:
    """Renews `lease` until stopped. Retries while the database doesn't answer."""

    def __init__(self, lease: Lease):
        self.lease = lease
        self.lost = False
        """The lease is lost, so work on the job must end."""
        self.wish = Renewal(cancel=False, keep=False)
        self._renewed_at = time.monotonic()
        self._news = threading.Condition()
        self._metrics: list[JobMetric] = []
        self._happened: list[tuple[str, dict[str, Any]]] = []
        self._columns: dict[str, Any] = {}
        self._urgent = False
        self._stopping = False
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat-{lease.job.id}", daemon=True)
        self._thread.start()

    @property
    def silent_s(self) -> float:
        """Seconds since the last successful renewal was sent."""
        return time.monotonic() - self._renewed_at

    def tell(
        self,
        *,
        metric: JobMetric | None = None,
        happened: tuple[str, dict[str, Any]] | None = None,
        urgent: bool = False,
        **columns: Any,
    ) -> None:
        """Add news for the next renewal; `columns` are arguments of `leases.renew`. `urgent` sends it now."""
        with self._news:
            if metric:
                self._metrics.append(metric)
            if happened:
                self._happened.append(happened)
            self._columns.update(columns)
            self._urgent |= urgent
            if urgent:
                self._news.notify()

    def stop(self) -> None:
        """Send the remaining news and stop; returns once the lease is no longer renewed."""
        with self._news:
            self._stopping = True
            self._news.notify()
        self._thread.join()

    def _has_news(self) -> bool:
        return bool(self._metrics or self._happened or self._columns)

    def _wait(self) -> None:
        with self._news:
            if not (self._stopping or self._urgent):
                self._news.wait(NEWS_S)
            self._urgent = False

    def _beat(self) -> None:
        last = time.monotonic()
        while not (self._stopping and not self._has_news()):
            self._wait()
            try:
                if self._has_news() or time.monotonic() - last >= settings().heartbeat_s:
                    last = time.monotonic()
                    self._renew(last)
                else:
                    self.wish = leases.wish(self.lease)
            except LeaseLost:
                self.lost = True
                return
            except db.AWAY as error:
                log.warning("job %s: could not renew the lease: %s", self.lease.job.id, type(error).__name__)
                if self._stopping and self.silent_s > settings().self_fence_s:
                    return
                time.sleep(RETRY_S)

    def _renew(self, sent_at: float) -> None:
        with self._news:
            metrics, happened, columns = self._metrics, self._happened, self._columns
            self._metrics, self._happened, self._columns = [], [], {}
        try:
            self.wish = leases.renew(self.lease, metrics=metrics, happened=happened, **columns)
        except db.AWAY:
            with self._news:
                self._metrics, self._happened = [*metrics, *self._metrics], [*happened, *self._happened]
                self._columns = {**columns, **self._columns}
            raise
        self._renewed_at = sent_at
