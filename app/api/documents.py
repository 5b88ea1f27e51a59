"""How things look from outside: the JSON that REST and `--json` give for a row of a table."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from sqlmodel import SQLModel

from storage.models import Artifact, BaseModelRow, Dataset, Job, JobEvent, JobMetric, Upload, Worker
from templates import recipe, registry
from templates.spec import Params

if TYPE_CHECKING:
    from storage.datasets import Preview
    from storage.training import Plan

INSIDE: dict[type[SQLModel], set[str]] = {
    Artifact: {"owner_id", "location", "deleted_at"},
    BaseModelRow: {"owner_id", "location", "deleted_at"},
    Dataset: {"owner_id", "deleted_at"},
    Job: {"owner_id", "idem_key", "lease_owner", "lease_until", "progress_seq", "stuck_attempts", "rung_at"},
    JobEvent: {"job_id"},
    JobMetric: {"job_id"},
    Upload: {"owner_id"},
    Worker: set(),
}
"""Columns that are nobody's business outside, by table."""


def of(row: SQLModel) -> dict[str, Any]:
    """A row's columns, without those that only the studio itself needs."""
    document = row.model_dump(mode="json", exclude=INSIDE[type(row)])
    return {name: document[name] for name in type(row).model_fields if name in document}


def of_job(job: Job) -> dict[str, Any]:
    """A job with its place in the queue, and what it came to under the name that it has in the product."""
    from storage import jobs

    document = of(job)
    document["position"] = jobs.position(job)
    document["verdict" if job.kind == "train" else "scores"] = document.pop("result")
    error = {key: document.pop(column) for key, column in _ERROR_COLUMNS.items()}
    document["error"] = error if error["code"] else None
    return document


_ERROR_COLUMNS = {"code": "error_code", "message": "error", "remedy": "remedy"}


def of_plan(plan: Plan) -> dict[str, Any]:
    """What a training job would be and cost."""
    return {
        "base": plan.base_row.name,
        "dataset": plan.dataset_row.name,
        "recipe": plan.recipe.model_dump(mode="json"),
        "lengths": dataclasses.asdict(plan.lengths),
        "estimate": plan.estimate.model_dump(mode="json"),
    }


def of_preview(preview: Preview) -> dict[str, Any]:
    """What a file would become."""
    return dataclasses.asdict(preview)


def catalogue() -> dict[str, Any]:
    """Every objective, method and row shape: what it takes, what it can do, and its help page."""
    return {
        "objectives": [
            {
                "key": o.key,
                "title": o.title,
                "summary": o.summary,
                "page": o.page,
                "row_shapes": list(o.row_shapes),
                "trains_prompt": o.trains_prompt,
                "presets": {name: dict(values) for name, values in o.presets.items()},
                "parameters": parameters(o.params),
            }
            for o in registry.objectives().values()
        ],
        "methods": [
            {
                "key": m.key,
                "title": m.title,
                "summary": m.summary,
                "page": m.page,
                "trains": m.trains,
                "peft_type": m.peft_type,
                "quantizations": list(m.quantizations),
                "mergeable": m.mergeable,
                "mixed_batch": m.mixed_batch,
                "exports_as_lora": m.exports_as_lora,
                "parameters": parameters(m.params),
            }
            for m in registry.methods().values()
        ],
        "shapes": [
            {
                "key": s.key,
                "title": s.title,
                "summary": s.summary,
                "metrics": list(s.metrics),
                "fields": [
                    {"name": f.name, "title": f.title, "kind": f.kind, "required": f.required} for f in s.fields
                ],
            }
            for s in registry.shapes().values()
        ],
    }


def parameters(params: type[Params]) -> list[dict[str, Any]]:
    """Each parameter with its name, title, help, type, default and bounds."""
    properties = params.model_json_schema()["properties"]
    return [{"name": name, **schema} for name, schema in properties.items()]


def recipes() -> list[dict[str, Any]]:
    """The named recipes, as TOML and as what it says."""
    return [{"name": name, "toml": text, **recipe.read_toml(text, name)} for name, text in recipe.named().items()]
