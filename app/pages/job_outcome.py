"""How a job ended: its failure, its verdict, or its scores."""

from __future__ import annotations

from itertools import starmap
from typing import Any

from markupsafe import Markup

from app.formats import duration
from app.markup import html
from app.pages import verdicts
from storage.gallery import artifacts
from storage.models import Artifact, Job, JobState
from templates.quantities import size


def failure(job: Job) -> Markup:
    """Cause and remedy of a failed job."""
    return html("jobs/failure", job=job) if job.state == JobState.FAILED else Markup("")


def verdict(job: Job, base: str, artifact: Artifact | None, opened: int | None) -> Markup:
    """The verdict of a training job with the ways onward."""
    shown = verdicts.block(job.result or {}, opened)
    scores = artifact is not None and artifacts.gives_scores(artifact)
    told = {"verdict": shown, "estimate": _estimate(job), "artifact": artifact, "base": base}
    return html("jobs/verdict", **told, verdict_scores=scores)


def scores(result: dict[str, Any], opened: int | None) -> Markup:
    """An evaluation's comparisons, or the scores of models alone."""
    models = result.get("models") or []
    return html(
        "jobs/scores",
        comparisons=[(found, verdicts.block(found)) for found in result.get("comparisons", [])],
        names=[_TITLES.get(name, name) for name in models[0].get("metrics", {})] if models else [],
        rows=[[model.get("name", ""), *starmap(verdicts.score, model.get("metrics", {}).items())] for model in models],
        looks=verdicts.openings_line(opened) if opened else "",
    )


_TITLES = {**verdicts.SHARES, **verdicts.LOSSES}


def _estimate(job: Job) -> str:
    """The estimate beside what the job took."""
    if not job.estimate or not job.started_at or not job.finished_at:
        return ""
    words = [
        f"Time: estimated ≈ {duration(job.estimate['seconds'])}, took {duration(job.finished_at - job.started_at)}"
    ]
    peak = (job.actual or {}).get("peak_memory_bytes")
    if peak:
        words.append(f"memory: estimated ≈ {size(job.estimate['memory_bytes'])}, took {size(peak)}")
    return "; ".join(words)
