"""The wheel holds every file that the product needs at run time."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("app", "storage", "templates", "workers")
BUILD = "from setuptools import build_meta; build_meta.build_wheel('wheels')"


def tracked(*paths: str) -> set[str]:
    """The files under `paths` that a clone holds, and new ones that git does not ignore."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *paths]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return {name for name in listed.split("\0") if name and (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def in_wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in a wheel built from a copy of this tree."""
    copy = tmp_path_factory.mktemp("tree")
    for name in tracked(*PACKAGES, "pyproject.toml", "README.md", "LICENSE"):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    subprocess.run([sys.executable, "-c", BUILD], cwd=copy, check=True, capture_output=True)
    with zipfile.ZipFile(next((copy / "wheels").glob("*.whl"))) as wheel:
        return set(wheel.namelist())


def test_a_wheel_holds_every_file_of_the_packages(in_wheel: set[str]) -> None:
    wanted = tracked(*PACKAGES)
    assert {
        "templates/suites/general.jsonl.gz",
        "templates/suites/everyday.toml",
        "workers/workshop/world/words.txt",
    } <= wanted
    assert wanted - in_wheel == set()
