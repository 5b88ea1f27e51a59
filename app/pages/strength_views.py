"""What less strength keeps, as pages show it: curve, numbers, and what was measured near a chosen strength."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from app import strength_charts
from app.formats import count, minutes_range
from app.markup import html
from app.pages import job_words
from storage.gallery import chains, strength_table
from storage.models import Artifact, Job
from templates import at_strength
from templates.at_strength import FULL, AtStrength


def outcome(result: Mapping[str, Any]) -> Markup:
    """What to use, a curve for each dataset, the numbers, the rule."""
    head, rows = strength_table.rows(result)
    scored = [f"{count(one['n_rows'])} selection rows of {one['name']}" for one in result["datasets"]]
    return html(
        "strength/outcome",
        sentence=result["sentence"],
        charts=[strength_charts.tradeoff(result, one) for one in result["datasets"]],
        head=head,
        rows=rows,
        numbers=tuple(range(1, len(head))),
        other_units=any(one["headline"] in strength_table.IN_OTHER_UNITS for one in result["datasets"]),
        scored=" and ".join([*scored, f"{count(result['general']['n'])} items on general abilities"]),
        rule=result["rule"],
        told=result["remarks"],
    )


def near(artifact: Artifact, result: Mapping[str, Any] | None, strength: float) -> Markup:
    """What was measured at the nearest strengths, and the ways to use this one."""
    return html(
        "strength/near",
        artifact=artifact,
        base=chains.of(artifact).before,
        asked=str(AtStrength(artifact.name, strength)),
        strength=strength,
        is_full=strength == FULL,
        words="full strength" if strength == FULL else at_strength.words(strength),
        points=_points(result, strength) if result else [],
    )


def _points(result: Mapping[str, Any], strength: float) -> list[tuple[str, str]]:
    """The measured strength itself, or the one below and the one above, with what was measured."""
    measured = result["strengths"]
    below = max(one for one in measured if one <= strength)
    above = min(one for one in measured if one >= strength)
    return [(_title(one), _measured(result, measured.index(one))) for one in dict.fromkeys((below, above))]


def _title(strength: float) -> str:
    named = {0.0: "The base", FULL: "Full strength"}.get(strength, f"Strength {strength:g}")
    return f"{named}:"


def _measured(result: Mapping[str, Any], place: int) -> str:
    parts = []
    for one in result["datasets"]:
        metric, point = one["headline"], one["points"][place]
        parts.append(
            f"{strength_table.title(metric)} on {one['name']} {strength_table.value(metric, point['metrics'][metric])}"
        )
    parts.append(f"general abilities {strength_table.value('', result['general']['points'][place]['mean'])}")
    return ", ".join(parts)


def running(job: Job) -> Markup:
    """How far the measurement is."""
    left = job_words.left(job)
    done = f"strength {job.step} of {job.total_steps} done" if job.total_steps else job_words.state(job)
    return html("strength/running", job=job, words=f"Measuring: {done}{f', {left} left' if left else ''}.")


def offer(estimate: Mapping[str, Any] | None, why_not: str, failed: Job | None) -> Markup:
    """What the button does and how long it takes, or why it can't be done."""
    takes = minutes_range(estimate["seconds_low"] / 60, estimate["seconds_high"] / 60) if estimate else ""
    return html("strength/offer", takes=takes, why_not=why_not, failed=failed)
