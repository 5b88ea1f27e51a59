"""`studio doctor`: checks every part of an installation and suggests fixes."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from storage import teacher_readings
from storage.settings import settings
from templates.quantities import size

NEEDED_FREE_BYTES = 2 * 10**9
LIBRARIES = ("torch", "transformers", "peft", "accelerate", "tokenizers", "gradio", "celery", "pyarrow")


@dataclass(frozen=True)
class Finding:
    """One part and its state."""

    about: str
    ok: bool
    found: str
    remedy: str = ""
    needed: bool = True
    """False: a part that may be off, such as a worker that was not started."""

    @property
    def bad(self) -> bool:
        """Whether this keeps the studio from working."""
        return self.needed and not self.ok

    def as_dict(self) -> dict[str, Any]:
        """The finding as a document."""
        return asdict(self)


def examine() -> list[Finding]:
    """Every finding, good and bad."""
    looks: tuple[Callable[[], Finding], ...] = (
        _python,
        _libraries,
        _folder,
        _disk,
        _database,
        _broker,
        _base_model,
        _worker,
        _secret_key,
        _chat,
        _exposure,
    )
    return [_looked(look) for look in looks]


def _looked(look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except Exception as error:  # a broken part is a finding, and must not end the check
        about = look.__name__.strip("_").replace("_", " ")
        return Finding(about, False, f"{type(error).__name__}: {error}.", "Mend this first.")


def _python() -> Finding:
    found = f"{sys.version.split()[0]} on {sys.platform}"
    return Finding("Python", sys.version_info >= (3, 11), found, "Install Python 3.11 or newer.")


def _libraries() -> Finding:
    missing = [name for name in LIBRARIES if importlib.util.find_spec(name) is None]
    found = f"missing: {', '.join(missing)}." if missing else f"{len(LIBRARIES)} found"
    return Finding("libraries", not missing, found, "Run `make install`.")


def _folder() -> Finding:
    root = settings().root
    probe = root / ".doctor"
    probe.write_bytes(b"")
    probe.unlink()
    open_to_others = root.stat().st_mode & 0o077
    found = f"{root}{' can be read by other users of this machine.' if open_to_others else ''}"
    return Finding("data folder", not open_to_others, found, f"chmod 700 {root}")


def _disk() -> Finding:
    free, kept = shutil.disk_usage(settings().files).free, teacher_readings.total_bytes()
    found = f"{size(free)} free." + (
        f" What teachers said takes {size(kept)} (studio models readings)." if kept else ""
    )
    return Finding("disk", free >= NEEDED_FREE_BYTES, found, "Free some space.")


def _database() -> Finding:
    from storage import migrate

    current, head = migrate.current(), migrate.head()
    kind = settings().database.partition(":")[0]
    return Finding("database", current == head, f"{kind}, schema {current} of {head}.", "Run `studio db upgrade`.")


def _broker() -> Finding:
    from storage.jobs import queue

    kind = settings().broker.partition(":")[0]
    with queue.celery().connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, timeout=2)
    return Finding("broker", True, f"{kind} answers")


def _base_model() -> Finding:
    from storage import users
    from storage.bases import base_models

    base_models.sync_bundled()
    rows = base_models.of_user(users.local())
    missing = [row.name for row in rows if not base_models.folder(row).is_dir()]
    found = f"files missing: {', '.join(missing)}." if missing else ", ".join(row.name for row in rows)
    return Finding("base models", bool(rows) and not missing, found or "none.", "Install the package again.")


def _worker() -> Finding:
    from storage.jobs import worker_rows

    gone = set(worker_rows.dead_here())
    rows = [row for row in worker_rows.alive() if row.id not in gone]
    found = ", ".join(f"{row.host} on {row.device}, {row.busy} of {row.slots} busy" for row in rows)
    return Finding(
        "worker", bool(rows), found or "none is running, so jobs wait.", "Run `studio up` or `studio worker`.", False
    )


def _secret_key() -> Finding:
    """Whether this machine and every live worker can read the tokens that users have stored."""
    from storage import credentials
    from storage.jobs import worker_rows

    about, remedy = "secret key", "Give web and workers on all machines the same STUDIO_SECRET_KEY."
    if not credentials.any_stored():
        return Finding(about, True, "not needed: nobody has stored a token")
    if not credentials.can_read_all():
        return Finding(about, False, "this machine's key can't read the stored tokens.", remedy)
    own, gone = credentials.fingerprint(), set(worker_rows.dead_here())
    others = [row.host for row in worker_rows.alive() if row.id not in gone and row.secret_key != own]
    found = (
        f"the workers on {', '.join(others)} lack it, so they can't read users' tokens."
        if others
        else "reads all tokens"
    )
    return Finding(about, not others, found, remedy)


def _chat() -> Finding:
    from app.supervise import answers

    ok = answers(f"{settings().chat}/healthz")
    found = f"{settings().chat} {'answers' if ok else 'does not answer.'}"
    return Finding("chat server", ok, found, "Run `studio up` or `studio serve`.", False)


def _exposure() -> Finding:
    from app import auth
    from storage import users

    host = settings().host
    safe = auth.is_loopback(host) or users.any_accounts()
    found = f"bound to {host}{'' if safe else ' without accounts: the web process will not start.'}"
    return Finding("access", safe, found, auth.MAKE_AN_ACCOUNT)
