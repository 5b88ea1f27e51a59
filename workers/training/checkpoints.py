"""Checkpoints of a job: sealed folders `step-00000012`; a job resumes from the newest complete one.

A checkpoint holds the trained weights, optimiser, schedule, random states and position in the data,
as `Trainer` saves them. It is written to an unsealed folder, flushed, given a manifest, and renamed; if
a crash interrupts that, there is no manifest and the folder is skipped.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from storage import files

KEEP = 2
PREFIX = "step-"
DRAFTS = ".tmp-"
NEVER_KEPT = ("training_args.bin",)
"""A pickle of every setting of the process; resuming doesn't need it."""


def drafts(folder: Path, attempt: int) -> Path:
    """An empty folder for this attempt's unsealed checkpoints; those of earlier attempts are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    for left_over in folder.glob(f"{DRAFTS}*"):
        shutil.rmtree(left_over)
    made = folder / f"{DRAFTS}{attempt}"
    made.mkdir()
    return made


def step_of(checkpoint: Path) -> int:
    """The update after which it was taken."""
    return int(checkpoint.name.removeprefix(PREFIX))


def all_of(folder: Path) -> list[Path]:
    """All checkpoints, complete or not, newest first."""
    found = [path for path in folder.glob(f"{PREFIX}*") if path.name.removeprefix(PREFIX).isdigit()]
    return sorted(found, key=step_of, reverse=True)


def newest(folder: Path) -> tuple[Path | None, list[str]]:
    """The newest complete checkpoint, and what is wrong with each newer one."""
    flaws: list[str] = []
    for checkpoint in all_of(folder):
        wrong = files.flaw(checkpoint)
        if wrong is None:
            return checkpoint, flaws
        flaws.append(wrong)
    return None, flaws


def keep(draft: Path, folder: Path, step: int) -> Path:
    """Seal a folder as the checkpoint of `step`, and remove all but the newest two."""
    for name in NEVER_KEPT:
        (draft / name).unlink(missing_ok=True)
    files.seal(draft)
    checkpoint = folder / f"{PREFIX}{step:08d}"
    files.move_folder(draft, checkpoint)
    old = [path for path in all_of(folder) if step_of(path) <= step][KEEP:]
    damaged = [path for path in all_of(folder) if step_of(path) > step]
    for path in old + damaged:
        shutil.rmtree(path)
    return checkpoint
