"""From a file of judged answers to a verdict by command, in the layouts that public data has (invented rows)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.judged_layouts import LAYOUTS, N_ROWS, Row, written


@pytest.mark.long
@pytest.mark.parametrize(("row", "shape", "objective"), LAYOUTS, ids=lambda one: getattr(one, "__name__", one))
def test_a_file_leads_to_a_verdict(
    studio_command: Any, tmp_path: Path, row: Callable[[int], Row], shape: str, objective: str
) -> None:
    code, data, told = studio_command("data", "add", str(written(tmp_path, row)), "--name", "judged")
    assert (code, data["shape"], data["n_rows"]) == (0, shape, N_ROWS), told
    code, job, told = studio_command(
        "train", "--base", "studio-nano", "--data", "judged", "--objective", objective, "--method", "lora",
        "--set", "max_steps=6", "--set", "max_length=96", "--name", f"by-{objective}", "--wait",
    )  # fmt: skip
    assert code == 0, told
    assert (job["state"], job["step"]) == ("SUCCEEDED", 6)
    verdict = job["verdict"]
    # of single judgements, so few held-out rows give no ranking
    assert verdict["headline"] == ("preference_accuracy" if shape == "preference" else "loss")
    assert verdict["wins"]["n"] == verdict["n_answered"] > 0
    assert "Its answers win over those of the base" in verdict["sentence"]
    assert ("preference_margin" in verdict["measures"]) == (shape == "preference")
