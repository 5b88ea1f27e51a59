"""Reads the sample data for demonstrations; `templates/demo/README.md` describes each file."""

from __future__ import annotations

import csv
import json
from typing import Any

from templates.samples import FOLDER


def intents() -> list[tuple[str, str]]:
    """Customers' messages and their intents; neither occurs in the corpus of the small world."""
    with (FOLDER / "intents.csv").open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["intent"]) for row in csv.DictReader(file)]


def new_domain() -> list[str]:
    """Passages in a language that the small world doesn't use."""
    return (FOLDER / "sea_log.txt").read_text("utf-8").strip().split("\n\n")


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of a `.jsonl` file."""
    lines = (FOLDER / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]
