"""`studio bench` measures what it says."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from app import bench
from app.bench import data
from app.cli import main, workshop
from storage.models import User
from storage.settings import settings


@pytest.mark.long
def test_web_and_first_step_are_measured_on_ground_of_their_own(studio: User) -> None:
    before = settings().root
    found = bench.run("all", 1, 2_000)
    assert not found["web"]["torch_loaded"]
    assert 0 < found["web"]["resident_bytes"] <= bench.RESIDENT_BYTES
    assert 0 < found["web"]["ready_s"] < 60
    assert 0 < found["jobs"]["first_step_s"] < 60
    said = "\n".join(bench.sentences(found))
    assert "web process ready in" in said
    assert "submit → first training step" in said
    for of_file in found["data"]["files"].values():
        assert all(of_file[name]["rows_per_s"] > 0 for name in ("studio", "pandas", "datasets"))
        for name in ("studio", "pandas", "datasets"):
            assert 0 < of_file[name]["processor_s"] <= of_file[name]["seconds"] * 1.1
        assert 0 < of_file["studio"]["peak_bytes"] <= data.PEAK_BYTES
    assert "rows.jsonl" in said
    assert "times as fast" in said
    assert settings().root == before
    assert os.environ["STUDIO_DATA_DIR"] == str(before)


@pytest.mark.long
def test_what_adapting_does_is_shown_as_a_table(tiny_model_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = str(tiny_model_folder)
    command = ["bench", "family", "--only", "few_shot", "--small", folder, "--nano", folder, "--share", "0.02"]
    assert main(command) == 0
    said = capfd.readouterr()
    assert "few_shot: Few-shot prompting without training" in said.out
    assert "arbitrary labels, k = 0 → 8" in said.out
    assert "4 questions after 0, 4 and 8 examples" in said.err


@pytest.mark.long
def test_what_the_demonstrations_refuse_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "family", "--only", "rlhf"]) == 2
    said = capfd.readouterr()
    assert said.out == ""
    assert "there is no demonstration “rlhf”. Choose from: continued_pretraining," in said.err
    assert "Traceback" not in said.err


def test_a_workshop_that_dies_is_told(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    dying = (sys.executable, "-c", "import os; os.abort()")
    monkeypatch.setattr(workshop, "program", lambda *_: dying)
    assert main(["bench", "family", "--json"]) == 1
    error = json.loads(capfd.readouterr().out)["error"]
    assert error["code"] == "workshop_ended"
    assert "status -6" in error["message"]
    assert main(["bench", "family"]) == 1
    assert "status -6" in capfd.readouterr().err


def test_rows_go_with_data_only(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "web", "--rows", "5000"]) == 2
    assert "field “--rows”: goes with “data” only." in capfd.readouterr().err


def test_options_of_the_demonstrations_go_with_them_only(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "web", "--only", "sft", "--share", "0.5"]) == 2
    said = capfd.readouterr().err
    assert "field “--only”: goes with “family” only." in said
    assert "field “--share”" in said
