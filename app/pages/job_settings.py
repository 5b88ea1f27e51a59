"""The settings of one job, and the ways on from them: changed and run again, or compared with other runs."""

from __future__ import annotations

from urllib.parse import quote

from markupsafe import Markup

from app.markup import html
from storage import job_inputs
from storage.models import Job
from storage.runs import advice, settings
from templates import registry
from templates.spec import PRESET_TITLES


def block(job: Job) -> Markup:
    """Every choice and setting of the job; those that differ from the advice are marked."""
    inputs = job_inputs.of_job(job.id)
    found = settings.of(job, inputs)
    recipe = settings.recipe_of(job)
    advised = advice.of(recipe, inputs) if recipe else None
    parameters = [one for one in found if one.is_parameter]
    return html(
        "jobs/settings",
        choices=[one for one in found if not one.is_parameter],
        parameters=sorted(parameters, key=lambda one: one.advised is None),
        n_differing=sum(one.advised is not None for one in parameters),
        effort=PRESET_TITLES[advised.effort] if advised else "",
        without_advice=bool(recipe) and advised is None,
    )


def ways(job: Job) -> Markup:
    """Links to the form with this job's settings, and to a comparison; empty for a kind that has neither."""
    if not registry.job_kind(job.kind).trains:
        return Markup("")
    return html("jobs/ways", change=f"train?from={quote(job.id)}", compare=f"runs?ids={quote(job.id)}")
