"""The catalogue: complete, plausible, and honest about what was checked."""

from __future__ import annotations

import re

import pytest

from storage.bases import catalogue, hub
from templates.errors import NotFound


def test_it_lists_current_open_models_of_every_size() -> None:
    entries = catalogue.entries()
    assert 20 <= len(entries) <= 30
    assert len({entry.name for entry in entries}) == len({entry.hub for entry in entries}) == len(entries)
    assert min(entry.n_parameters for entry in entries) < 2e8
    assert max(entry.n_parameters for entry in entries) > 3e10
    families = {re.match("[a-z]+", entry.name)[0] for entry in entries}  # type: ignore[index]
    assert {"smollm", "qwen", "llama", "gemma", "phi", "mistral", "olmo", "granite"} <= families


@pytest.mark.parametrize("entry", catalogue.entries(), ids=lambda entry: entry.name)
def test_each_entry_is_complete_and_honest(entry: catalogue.CatalogueEntry) -> None:
    assert hub.is_id(entry.hub)
    assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", entry.name)
    assert entry.summary.endswith(".")
    assert entry.languages
    assert entry.context_length >= 2048
    assert set(entry.checked) <= {*catalogue.STATED, "package"}
    assert set(entry.unchecked) | set(entry.checked) >= set(catalogue.STATED)
    if entry.package:
        assert re.fullmatch("[0-9a-f]{64}", entry.package.sha256)
        assert entry.package.member.endswith(".gguf")


def test_names_of_entries_and_bundled_models_differ() -> None:
    assert not {entry.name for entry in catalogue.entries()} & set(catalogue.bundled())


def test_an_unknown_name_is_refused_with_the_way_to_the_list() -> None:
    assert catalogue.get("SmolLM2-135M-Instruct").name == "smollm2-135m-instruct"
    with pytest.raises(NotFound, match="studio models catalogue"):
        catalogue.get("gpt-9")
