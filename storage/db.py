"""The database: one engine a process, reading and writing sessions, and the database's own clock.

Times are seconds since 1970 (UTC) as floats, taken from the database, so that workers on machines
with wrong clocks agree. On SQLite every write begins with `BEGIN IMMEDIATE`: a transaction that
turns from reading to writing can fail with SQLITE_BUSY whatever the timeout.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Engine, Float, cast, create_engine, event, func, make_url, select
from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import Session

from storage import private
from storage.settings import settings

BUSY_TIMEOUT_MS = 15_000
RETRY_S = 0.5
POSTGRES_TIMEOUTS = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "options": f"-c lock_timeout={BUSY_TIMEOUT_MS} -c idle_in_transaction_session_timeout=60000",
}
"""Options of libpq and the server. Without them, a worker cut off from its database would wait for many minutes,
and a worker frozen inside a transaction would hold its locks for ever."""

AWAY = (OperationalError, InterfaceError, TimeoutError)
"""Errors of a database that is locked, full or unreachable; trying again later may help."""

log = logging.getLogger(__name__)
T = TypeVar("T")


@cache
def engine() -> Engine:
    """The engine of this process."""
    url = settings().database
    if not url.startswith("sqlite"):
        timeouts = POSTGRES_TIMEOUTS if url.startswith("postgresql") else {}
        return create_engine(
            url, pool_pre_ping=True, pool_size=5, max_overflow=20, hide_parameters=True, connect_args=timeouts
        )
    _close_to_others(url)
    made = create_engine(url, connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000})
    event.listen(made, "connect", _prepare_sqlite)
    event.listen(made, "begin", _begin_sqlite)
    return made


def _close_to_others(url: str) -> None:
    """Let only this account read the database's file and its folder, if that is the data folder."""
    path = make_url(url).database
    if not path or path == ":memory:":
        return
    file = Path(path)
    try:
        private.make(file)
        if file.parent.resolve() == settings().root:
            private.close_folder(file.parent)
    except OSError as error:  # SQLite will say that it can't open it, at the first use
        log.info("%s: %s", file, error)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's begin event chooses the kind of BEGIN
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    writes = connection.get_execution_options().get("studio_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def reading() -> Iterator[Session]:
    """A session for reading; rows stay usable after it closes."""
    with Session(engine(), expire_on_commit=False) as session:
        yield session


@contextmanager
def writing() -> Iterator[Session]:
    """A session for one write transaction: committed at the end, rolled back on any exception."""
    with (
        engine().connect().execution_options(studio_writes=True) as connection,
        Session(connection, expire_on_commit=False) as session,
        session.begin(),
    ):
        yield session


def now() -> ColumnElement[float]:
    """SQL for the database's current time, in seconds since 1970."""
    if engine().dialect.name == "sqlite":
        return (func.julianday("now") - 2440587.5) * 86400.0
    return cast(func.date_part("epoch", func.clock_timestamp()), Float)


def clock(session: Session) -> float:
    """The database's current time, in seconds since 1970."""
    return float(session.connection().execute(select(now())).scalar_one())


def insist(act: Callable[[], T]) -> T:
    """Run it, and retry while the database is away, for as long as nobody else would touch a fresh lease."""
    until = time.monotonic() + 2 * settings().lease_s
    while True:
        try:
            return act()
        except AWAY:
            if time.monotonic() > until:
                raise
            time.sleep(RETRY_S)
