"""The JSON of base models: which trainings fit on the workers, and what depends on a model."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from app.api import documents
from storage.bases import base_models
from storage.dependents import Dependents
from storage.models import BaseModelRow
from storage.planning import fits
from storage.planning.fits import Fit, Kind


def of_base_models(rows: Sequence[BaseModelRow]) -> list[dict[str, Any]]:
    """Base models, each with the ways of training it on each kind of worker."""
    kinds = fits.kinds()
    return [
        {
            **documents.of_base_model(row),
            "fits": [_of_kind(kind, fits.of(base_models.facts(row), kind)) for kind in kinds],
        }
        for row in rows
    ]


def _of_kind(kind: Kind, found: Sequence[Fit]) -> dict[str, Any]:
    return {
        "on": kind.title,
        "n_workers": kind.n_workers,
        "memory_free_bytes": kind.machine.memory_free_bytes,
        "disk_free_bytes": kind.machine.disk_free_bytes,
        "ways": [_of_fit(fit) for fit in found],
    }


def _of_fit(fit: Fit) -> dict[str, Any]:
    need = fit.need
    return {
        "way": need.way.title,
        "method": need.way.method,
        "quantization": need.way.quantization,
        "fits": fit.fits,
        "short_of": fit.short_of or None,
        "only_with_smallest_steps": fit.is_tight,
        "needs_memory_bytes": need.least_bytes,
        "advised_memory_bytes": need.memory_bytes,
        "needs_disk_bytes": need.disk_bytes,
        "why_not": need.why_not or None,
    }


def of_dependents(found: Dependents) -> dict[str, Any]:
    """What depends on a model or dataset, by name, and in sentences."""
    return {**dataclasses.asdict(found), "sentences": found.sentences()}
