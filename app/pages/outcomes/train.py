"""The verdict of a training, what a judge said of its answers, and the ways onward from what it published."""

from __future__ import annotations

from markupsafe import Markup

from app.pages import job_outcome, judge_opening, judged_views, outcomes, published
from storage import job_inputs
from storage.gallery import chains
from storage.judging import judgements
from storage.models import Artifact, Job, User
from templates import registry


def block(user: User, job: Job) -> Markup:
    """Verdict, estimate and ways onward."""
    artifact = published.result_of(user, job)
    base = chains.of(artifact).before if artifact else ""
    shown = job_outcome.verdict(job, base, artifact, outcomes.opened(job))
    return shown + (_judged(user, job, base, artifact) if artifact else "")


def _judged(user: User, job: Job, base: str, artifact: Artifact) -> Markup:
    """The newest judgement of the result; without one, how to get it, if people's judgements were learned."""
    judged = judgements.of_result(user, artifact)
    if judged is not None:
        return judged_views.brief(judged)
    objective = registry.objectives().get((job.spec.get("recipe") or {}).get("objective", ""))
    if not objective or not objective.learns_judgements:
        return Markup("")
    data = job_inputs.of_jobs([job.id])[job.id].measured_on
    can_be_asked = data is not None and not data.deleted_at and judge_opening.has_held_out(data)
    return judged_views.offer(base, artifact.name, data.name if data and can_be_asked else "")
