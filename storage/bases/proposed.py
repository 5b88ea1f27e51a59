"""The base model that forms propose: a small one that was pretrained on real text, once it is there."""

from __future__ import annotations

from storage.bases import base_models, catalogue
from storage.bases.catalogue import CatalogueEntry
from storage.bases.sources import SOURCE, HubSource, PackageSource
from storage.models import BaseModelRow, Job, User

REAL = "smollm2-135m-instruct"
"""Its name in the catalogue."""


def entry_of(row: BaseModelRow) -> CatalogueEntry | None:
    """The entry of the catalogue that the model was made from, wherever its files came from."""
    return _entry(row.source, row.origin)


def entry_of_job(job: Job) -> CatalogueEntry | None:
    """The entry of the catalogue that a download adds."""
    source = SOURCE.validate_python(job.spec["source"])
    if isinstance(source, PackageSource):
        return _entry(source.kind, f"{source.package.name} {source.package.version}")
    return _entry(source.kind, source.id) if isinstance(source, HubSource) else None


def _entry(source: str, origin: str) -> CatalogueEntry | None:
    for entry in catalogue.entries():
        is_packed = source == "package" and entry.package is not None and origin.split()[0] == entry.package.name
        if is_packed or (source == "hub" and entry.hub == origin):
            return entry
    return None


def real(user: User) -> BaseModelRow | None:
    """The user's small real model, if they have it."""
    return next((row for row in base_models.of_user(user) if (e := entry_of(row)) and e.name == REAL), None)


def base(user: User) -> BaseModelRow:
    """The base model to propose: the small real one, else the first bundled one."""
    return real(user) or base_models.of_user(user)[0]
