"""`studio bench` measures what it says."""

from __future__ import annotations

import os

import pytest

from app import bench
from storage.models import User
from storage.settings import settings


@pytest.mark.slow
def test_web_and_first_step_are_measured_on_ground_of_their_own(studio: User) -> None:
    before = settings().root
    found = bench.run("all", 1)
    assert not found["web"]["torch_loaded"]
    assert 0 < found["web"]["resident_bytes"] <= bench.RESIDENT_BYTES
    assert 0 < found["web"]["ready_s"] < 60
    assert 0 < found["jobs"]["first_step_s"] < 60
    said = "\n".join(bench.sentences(found))
    assert "web process ready in" in said
    assert "submit → first training step" in said
    assert settings().root == before
    assert os.environ["STUDIO_DATA_DIR"] == str(before)
