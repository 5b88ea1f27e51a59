"""The sample data that is offered, and that the studio's own intake takes it."""

from __future__ import annotations

import pytest

from storage.data import datasets, uploads
from storage.models import User
from templates import registry, samples
from templates.errors import BadInput
from templates.samples import Sample


@pytest.mark.parametrize("sample", samples.offered().values(), ids=lambda sample: sample.key)
def test_the_studio_takes_it_as_it_is(studio: User, sample: Sample) -> None:
    with sample.file.path.open("rb") as stream:
        seen = datasets.preview(studio, uploads.save(studio, sample.file.name, stream))
    assert seen.shape == sample.shape
    assert set(seen.mapping) >= {f.name for f in registry.shape(sample.shape).fields if f.required}
    assert seen.problems == []
    assert seen.n_rows == sample.file.n_rows


def test_only_sets_whose_shape_exists_are_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    assert next(iter(samples.offered())) == samples.DEFAULT
    monkeypatch.setattr(registry, "shapes", lambda: {"text": object()})
    assert set(samples.offered()) == {"sea_log"}
    with pytest.raises(BadInput, match=r"not a sample dataset.*sea_log"):
        samples.sample("intents")
