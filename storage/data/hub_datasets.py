"""Takes rows of a dataset on the hub as an upload, which then goes the way of any file."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage import fork_server, network, programs, progress
from storage.bases import hub
from storage.data import uploads
from storage.models import Upload, User
from storage.settings import settings
from templates.errors import BadInput, Problem, Unavailable, refuse

PREFIX = "hub:"
PROGRAM = "storage.data.hub_rows"
ROWS = 10_000
MOST_ROWS = 1_000_000
WITHIN_S = 1800.0
LOOK_S = 0.3
WORDS = 2_000
QUIET = {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "OMP_NUM_THREADS": "1"}
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Taken:
    """An upload of rows from the hub."""

    upload: Upload
    revision: str
    """The commit."""
    note: str
    """What was taken and what was left, in words."""


def take(
    user: User, asked: str, *, config: str | None = None, split: str | None = None, rows: int | None = None
) -> Taken:
    """Take the first `rows` (10,000 if not given) of the dataset `owner/name[@revision]`, pinned to its commit.

    Without `config` or `split`, the only one or the usual one (`default`, `train`) is taken.
    Raises `BadInput` with the choices there are, `Unavailable` if the hub does not respond, and like `uploads.save`.
    """
    wanted = ROWS if rows is None else rows
    problems = []
    if not hub.is_id(asked):
        what = f"“{asked}” is not the id of a dataset on the hub."
        problems.append(Problem(what, field="source", remedy="Give owner/name, with or without @revision."))
    if not 1 <= wanted <= MOST_ROWS:
        problems.append(Problem(f"must be between 1 and {MOST_ROWS:,}.", field="rows"))
    refuse(problems)
    hub_id, _, revision = asked.partition("@")
    commit, token = hub.dataset_commit(user, hub_id, revision), hub.token_of(user)
    question = {
        **{"id": hub_id, "revision": commit, "config": config, "split": split, "rows": wanted},
        **{"token": token.get_secret_value() if token else False, "most_bytes": settings().max_upload_bytes},
    }
    with tempfile.TemporaryDirectory(prefix="studio-hub-", dir=settings().files) as folder:
        file = Path(folder) / "rows.jsonl"
        found = _asked(question, Path(folder), file)
        if "wrong" in found:
            raise BadInput(Problem(f"“{hub_id}” {found['wrong']}", field="source"), code="bad_hub_dataset")
        part = f"-first-{found['n_rows']}" if found["has_more"] else ""
        with file.open("rb") as stream:
            name = f"{hub_id.rpartition('/')[2]}-{found['split']}{part}@{commit[:8]}.jsonl"
            upload = uploads.save(user, name, stream)
    return Taken(upload, commit, _note(hub_id, commit, found))


def _note(hub_id: str, commit: str, found: dict[str, Any]) -> str:
    which = f"the first {found['n_rows']:,} rows" if found["has_more"] else f"all {found['n_rows']:,} rows"
    said = f"{hub_id} at {commit[:8]}, {found['config']}, {found['split']}: {which}."
    more = " There are more; raise the limit of rows to take them." if found["has_more"] else ""
    left = f" Left out, because they hold no text: {', '.join(found['left_out'])}." if found["left_out"] else ""
    return said + more + left


def _asked(question: dict[str, Any], folder: Path, file: Path) -> dict[str, Any]:
    """The program's answer. Raises `Unavailable`, and `GivenUp` once nobody waits for it."""
    environment = {key: os.environ[key] for key in fork_server.INHERITED if key in os.environ}
    environment |= {**network.environment(), **QUIET, "PYTHONPATH": str(fork_server.PACKAGES)}
    environment |= {"HOME": str(folder), "HF_HOME": str(folder / "cache")}
    command = programs.program(PROGRAM, str(file))
    with (
        (folder / "said").open("w+b") as said,
        (folder / "log").open("w+b") as words,
        subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=said, stderr=words) as process,
    ):
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(question).encode() + b"\n")
            process.stdin.flush()
            _wait(process)
        finally:
            process.kill()
        said.seek(0)
        lines = said.read().decode("utf-8", "replace").splitlines()
        words.seek(0)
        if process.returncode or not lines:
            log.warning("rows of %s: exit %s: %s", question["id"], process.returncode, words.read()[-WORDS:])
            return {"wrong": "can't be read within the limits of memory and time."}
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def _wait(process: subprocess.Popen[bytes]) -> None:
    waited_s = 0.0
    while waited_s < WITHIN_S:
        try:
            process.wait(LOOK_S)
            return
        except subprocess.TimeoutExpired:
            waited_s += LOOK_S
            progress.check_wanted()
    raise Unavailable("The hub takes too long to send the rows.", remedy="Take fewer rows, or try again later.")
