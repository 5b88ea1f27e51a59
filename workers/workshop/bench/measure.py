"""Runs demonstrations of adaptation on the bundled models, measured before and after."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from transformers import set_seed

from storage.bases import base_models
from templates.discovery import specs
from templates.errors import BadInput, Problem, refuse
from workers.workshop.bench import distilled as distilled_ways
from workers.workshop.bench import keeping, preferring, traits
from workers.workshop.bench.setup import Demonstration, ModelFiles, Setup

WITHIN_S = 120.0
"""Promised time for each demonstration on two cores."""


@cache
def demonstrations() -> Mapping[str, Demonstration]:
    """Every demonstration by key, in key order; a file registers by existing."""
    return specs("workers.workshop.bench.demonstrations", Demonstration)


def select(keys: Sequence[str]) -> list[Demonstration]:
    """The demonstrations with these keys, or all. Raises `BadInput` naming the known ones."""
    unknown = [key for key in keys if key not in demonstrations()]
    if unknown:
        known = f"Choose from: {', '.join(demonstrations())}."
        raise BadInput(*(Problem(f"there is no demonstration “{key}”.", field="only", remedy=known) for key in unknown))
    return [demonstrations()[key] for key in dict.fromkeys(keys)] or list(demonstrations().values())


def model_files(name: str, field: str) -> ModelFiles:
    """The bundled model with this name, or the model in this folder. Raises `BadInput` if there is none."""
    places = (base_models.BUNDLED_DIR / name, Path(name))
    for place in places:
        if (place / "config.json").is_file():
            return ModelFiles(place)
    remedy = "Give the name of a bundled model or the folder of a model."
    raise BadInput(Problem(f"there is no model “{name}”.", field=field, remedy=remedy))


def run(demonstration: Demonstration, setup: Setup) -> dict[str, Any]:
    """One demonstration as a document: what it measured, and how long it took."""
    setup.say(demonstration.title)
    begun = time.monotonic()
    set_seed(setup.seed)
    outcome = demonstration.run(setup)
    seconds = round(time.monotonic() - begun, 1)
    setup.say(f"{'target met' if outcome.met else 'target missed'}: {outcome.verdict}")
    return {
        "key": demonstration.key,
        "title": demonstration.title,
        "page": demonstration.page,
        "seconds": seconds,
        "in_time": seconds <= WITHIN_S,
        **outcome.model_dump(mode="json"),
    }


def measure(only: Sequence[str], *, small: str, nano: str, seed: int, share: float, threads: int) -> dict[str, Any]:
    """The outcomes of the demonstrations `only`, or of all; progress goes to stderr.

    `share` scales every demonstration's rows. Raises `BadInput` for anything that can't be measured.
    """
    _refuse_share(share)
    selected = select(only)
    teacher, student = model_files(small, "small"), model_files(nano, "nano")
    torch.set_num_threads(threads)
    begun = time.monotonic()
    present = ""

    def say(line: str) -> None:
        print(f"{time.monotonic() - begun:5.0f} s  {present}: {line}", file=sys.stderr, flush=True)

    found = []
    with tempfile.TemporaryDirectory(prefix="studio-bench-") as folder:
        setup = Setup(teacher, student, Path(folder), seed, share, threads, say)
        for demonstration in selected:
            present = demonstration.key
            found.append(run(demonstration, setup))
    return {
        "small": teacher.folder.name,
        "nano": student.folder.name,
        "seed": seed,
        "share": share,
        "threads": threads,
        "within_s": WITHIN_S,
        "demonstrations": found,
    }


def distilled(*, small: str, nano: str, seed: int, share: float, threads: int) -> dict[str, Any]:
    """What `studio bench distill` measures; progress goes to stderr. Raises `BadInput`."""
    return _compared(distilled_ways.measure, small, nano, seed, share, threads)


def kept(*, base: str, data: str | None, seeds: Sequence[int], share: float, threads: int) -> dict[str, Any]:
    """What `studio bench keep` measures; progress goes to stderr. Raises `BadInput`, `NotFound`."""
    return _compared(lambda setup: keeping.measure(setup, data, seeds), base, base, seeds[0], share, threads, "base")


def preferred(
    only: Sequence[str], *, base: str, trait: str, seeds: Sequence[int], share: float, threads: int
) -> dict[str, Any]:
    """What `studio bench preferences` measures, over all seeds; progress goes to stderr.

    Raises `BadInput`.
    """
    problems = [
        Problem(f"“{given}” is not known.", field=field, remedy=f"Choose one of: {', '.join(known)}.")
        for field, known, values in (("trait", traits.TRAITS, [trait]), ("only", preferring.WAYS, only))
        for given in values
        if given not in known
    ]
    refuse(problems)

    def over_seeds(first: Setup) -> dict[str, Any]:
        setups = [replace(first, seed=seed, folder=first.folder / str(seed)) for seed in seeds]
        return preferring.measure(setups, trait, list(dict.fromkeys(only)) or preferring.WAYS)

    return _compared(over_seeds, base, base, seeds[0], share, threads, "base")


def _compared(
    ways: Callable[[Setup], dict[str, Any]],
    small: str,
    nano: str,
    seed: int,
    share: float,
    threads: int,
    field: str = "small",
) -> dict[str, Any]:
    """Ways to adapt, beside each other; `field` is the option that names the first model."""
    _refuse_share(share)
    teacher, student = model_files(small, field), model_files(nano, "nano")
    torch.set_num_threads(threads)
    begun = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - begun:5.0f} s  {line}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="studio-bench-") as folder:
        return ways(Setup(teacher, student, Path(folder), seed, share, threads, say))


def _refuse_share(share: float) -> None:
    if not 0 < share <= 1:
        raise BadInput(Problem(f"{share:g} is not a share.", field="share", remedy="Use a number above 0, at most 1."))
