"""The sample datasets that pages, REST and the command line offer."""

from __future__ import annotations

from typing import Any

from storage.data import uploads
from storage.models import Upload, User
from templates import samples
from templates.samples import Sample


def described() -> list[dict[str, Any]]:
    """Every sample set that can become a dataset, and what it demonstrates."""
    return [_of(sample) for sample in samples.offered().values()]


def keep(user: User, key: str) -> tuple[Sample, Upload]:
    """The set `key`, and its file as if `user` had sent it. Raises `BadInput` for an unknown key."""
    sample = samples.sample(key)
    with sample.file.path.open("rb") as stream:
        return sample, uploads.save(user, sample.file.name, stream)


def _of(sample: Sample) -> dict[str, Any]:
    return {
        "name": sample.key,
        "title": sample.title,
        "shape": sample.shape,
        "n_rows": sample.file.n_rows,
        "shows": sample.shows,
    }
