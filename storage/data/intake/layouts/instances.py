"""Self-Instruct: an `instruction` with a list of `instances`, each an `input` and its `output`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from storage.data.intake.layout import Layout


def _fits(values: Mapping[str, Any]) -> bool:
    instances = values.get("instances")
    return (
        isinstance(values.get("instruction"), str)
        and isinstance(instances, list)
        and all(isinstance(one, dict) and "output" in one for one in instances)
    )


def _rows(values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    others = {name: value for name, value in values.items() if name != "instances"}
    for instance in values["instances"]:
        yield {**others, "input": instance.get("input"), "output": instance["output"]}


SPEC = Layout(
    title="Self-Instruct",
    says="Laid out as Self-Instruct: each instance is a row, with its instruction.",
    fits=_fits,
    rows=_rows,
)
