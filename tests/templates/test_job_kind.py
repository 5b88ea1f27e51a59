"""A job's progress in its own unit."""

from __future__ import annotations

import pytest

from templates import registry


@pytest.mark.parametrize(
    ("kind", "place", "of"),
    [
        ("train", "step 3", "step 3 of 1,061"),
        ("generate", "answer 3", "answer 3 of 1,061"),
        ("download", "3 MB", "3 of 1,061 MB"),
    ],
)
def test_progress_is_counted_in_the_kinds_unit(kind: str, place: str, of: str) -> None:
    declared = registry.job_kind(kind)
    assert declared.counted(3) == place
    assert declared.counted(3, 1061) == of
