"""The JSON that REST and `--json` return for a comparison of runs."""

from __future__ import annotations

import dataclasses
from typing import Any

from storage.runs.comparison import Against, Comparison, Run
from storage.runs.paired import Difference


def of_comparison(found: Comparison) -> dict[str, Any]:
    """Runs with their settings and verdicts, the settings that differ, and paired differences from the first run."""
    return {
        "first": found.first.job.id,
        "runs": [_of_run(run) for run in found.runs],
        "differing": [
            {
                "key": one.key,
                "title": one.title,
                "values": dict(zip((run.job.id for run in found.runs), one.values, strict=True)),
            }
            for one in found.differing
        ],
        "differences": [_of_against(one) for one in found.against_first],
        "remarks": found.remarks,
    }


def _of_run(run: Run) -> dict[str, Any]:
    return {
        "id": run.job.id,
        "name": run.job.name,
        "state": run.job.state,
        "settings": [dataclasses.asdict(one) for one in run.settings],
        "verdict": run.verdict,
    }


def _of_against(one: Against) -> dict[str, Any]:
    return {
        "id": one.run.job.id,
        "why_not": one.why_not,
        "metrics": [_of_difference(difference) for difference in one.differences],
    }


def _of_difference(one: Difference) -> dict[str, Any]:
    intervals = {name: getattr(one, name).model_dump() for name in ("reference", "run", "difference")}
    counts = {"metric": one.metric, "n_rows": one.n_rows, "n_groups": one.n_groups}
    return {**counts, **intervals, "outcome": one.outcome}
