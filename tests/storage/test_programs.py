"""The studio's programs are the studio's own, whatever lies in the folder where they are started."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import storage
from storage.programs import program

ROOT = Path(storage.__file__).parents[1]


@pytest.mark.parametrize("module", ["app.cli", "workers.family.blank"])
def test_packages_of_the_same_name_do_not_stand_in_the_way(module: str, tmp_path: Path) -> None:
    for name in ("app", "storage", "workers", "templates"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('this is somebody else’s')")
    done = subprocess.run(program(module, "--help"), cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout.lower()


def test_no_program_is_started_in_another_way() -> None:
    files = [path for folder in ("app", "storage", "workers") for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 100
    started = [path.name for path in files if '"-m"' in path.read_text("utf-8")]
    assert started == ["programs.py"]
