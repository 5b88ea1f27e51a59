"""`python -m workers.family.demonstrate`: every kind of adaptation on the bundled models, before and after.

Lines about the progress go to stderr; the table, or with `--json` one document, goes to stdout. It exits
0 when all was shown, whether or not a target was met, and as `StudioError` says otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from transformers import set_seed

import templates
from storage import demonstration_table
from templates.discovery import specs
from templates.errors import BadInput, Problem, StudioError
from workers.family.stage import Actor, Demonstration, Stage

BUNDLED = Path(templates.__file__).parent / "models"
SMALL, NANO = "studio-small", "studio-nano"
WITHIN_S = 120.0
"""Promised for each demonstration on two cores."""


@cache
def demonstrations() -> Mapping[str, Demonstration]:
    """Every demonstration by key, in the order of the keys: a file registers by existing."""
    return specs("workers.family.demonstrations", Demonstration)


def chosen(keys: Sequence[str]) -> list[Demonstration]:
    """Those of these keys, or all. Raises `BadInput` naming the known ones."""
    unknown = [key for key in keys if key not in demonstrations()]
    if unknown:
        known = f"Choose from: {', '.join(demonstrations())}."
        raise BadInput(*(Problem(f"there is no demonstration “{key}”.", field="only", remedy=known) for key in unknown))
    return [demonstrations()[key] for key in dict.fromkeys(keys)] or list(demonstrations().values())


def actor(name: str, field: str) -> Actor:
    """The bundled model of this name, or the model in this folder. Raises `BadInput` when there is none."""
    places = (BUNDLED / name, Path(name))
    for place in places:
        if (place / "config.json").is_file():
            return Actor(place)
    remedy = "Give the name of a bundled model or the folder of a model."
    raise BadInput(Problem(f"there is no model “{name}”.", field=field, remedy=remedy))


def run(demonstration: Demonstration, stage: Stage) -> dict[str, Any]:
    """One demonstration as a document: what it shows, and how long it took."""
    stage.say(demonstration.title)
    begun = time.monotonic()
    set_seed(stage.seed)
    shown = demonstration.run(stage)
    seconds = round(time.monotonic() - begun, 1)
    stage.say(f"{'target met' if shown.met else 'target missed'}: {shown.verdict}")
    return {
        "key": demonstration.key,
        "title": demonstration.title,
        "page": demonstration.page,
        "seconds": seconds,
        "in_time": seconds <= WITHIN_S,
        **shown.model_dump(mode="json"),
    }


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workers.family.demonstrate", description=__doc__)
    parser.add_argument("--only", nargs="+", default=[], metavar="KEY", help=f"of {', '.join(demonstrations())}")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    parser.add_argument("--small", default=SMALL, help="base and teacher: a bundled model's name, or a folder")
    parser.add_argument("--nano", default=NANO, help="the student")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=1.0, help="of all rows; less for a quick look")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    return parser.parse_args(arguments)


def document(given: argparse.Namespace) -> dict[str, Any]:
    """Everything that was asked for."""
    if not 0 < given.share <= 1:
        raise BadInput(Problem(f"{given.share:g} is no share.", field="share", remedy="Give more than 0, at most 1."))
    shows = chosen(given.only)
    small, nano = actor(given.small, "small"), actor(given.nano, "nano")
    torch.set_num_threads(given.threads)
    begun = time.monotonic()
    present = ""

    def say(line: str) -> None:
        print(f"{time.monotonic() - begun:5.0f} s  {present}: {line}", file=sys.stderr, flush=True)

    found = []
    with tempfile.TemporaryDirectory(prefix="studio-family-") as folder:
        stage = Stage(small, nano, Path(folder), given.seed, given.share, given.threads, say)
        for show in shows:
            present = show.key
            found.append(run(show, stage))
    return {
        "small": small.folder.name,
        "nano": nano.folder.name,
        "seed": given.seed,
        "share": given.share,
        "threads": given.threads,
        "within_s": WITHIN_S,
        "demonstrations": found,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Show what is asked for; returns the exit code."""
    given = _parsed(arguments)
    try:
        found = document(given)
    except StudioError as error:
        told = json.dumps(error.as_dict(), ensure_ascii=False) if given.json else None
        print(told or error, file=sys.stdout if told else sys.stderr)
        return error.exit_code
    if given.json:
        print(json.dumps(found, ensure_ascii=False, allow_nan=False))
    else:
        print("\n".join(demonstration_table.lines(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
