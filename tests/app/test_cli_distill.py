"""Every way to learn from a teacher by command: LoRA on a base in full precision and in four bits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.cli import main
from storage.models import User
from templates import registry
from templates.roles import Role

N_ROWS = 30
OWN_TEACHER = ("self_distill",)
"""It teaches itself."""
WAYS = [*(key for key, one in registry.objectives().items() if Role.TEACHER in one.roles), *OWN_TEACHER]
SHORT = {"max_steps": "2", "max_length": "64", "max_new_tokens": "8", "max_completion_length": "8", "filters": "[]"}


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    """Questions with answers."""
    file = tmp_path / "prompts.jsonl"
    rows = [{"prompt": f"What is {n} + {n % 7}?", "completion": str(n + n % 7)} for n in range(N_ROWS)]
    file.write_text("\n".join(map(json.dumps, rows)))
    return file


def train(way: str, name: str, *more: str) -> list[str]:
    known = registry.objective(way).params.model_fields
    given = [part for key, value in SHORT.items() if key in known for part in ("--set", f"{key}={value}")]
    teacher = [] if way in OWN_TEACHER else ["--teacher", "studio-small"]
    wish = ["train", "--base", "studio-nano", "--data", "prompts", "--objective", way, "--method", "lora"]
    return [*wish, *teacher, "--name", name, "--preset", "quick", *given, *more, "--wait"]


@pytest.mark.long
@pytest.mark.parametrize("quantization", ["none", "nf4"])
@pytest.mark.parametrize("way", WAYS)
def test_a_teacher_teaches_by_command(
    studio_command: Any, studio: User, prompts: Path, way: str, quantization: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, data, said = studio_command("data", "add", str(prompts), "--name", "prompts")
    assert (code, data["n_rows"]) == (0, N_ROWS), said
    code, job, said = studio_command(*train(way, "small-in-nano", "--set", f"quantization={quantization}"))
    assert code == 0, said
    assert (job["state"], job["step"]) == ("SUCCEEDED", 2)
    assert job["spec"]["recipe"]["quantization"] == quantization
    assert job["verdict"]["sentence"]
    used = {one["role"]: one["name"] for one in job["inputs"]}
    assert used == {"base": "studio-nano", "training": "prompts", **teacher_of(way)}
    capsys.readouterr()
    assert main(["jobs", "show", job["id"]]) == 0
    told = capsys.readouterr().out
    assert (way in OWN_TEACHER) != ("teacher “studio-small”" in told)
    assert ("Kept of “studio-small”" in told) == any(
        event["kind"] == "teacher_kept" for event in shown(studio_command, job)
    )
    assert job["verdict"]["sentence"] in told


def teacher_of(way: str) -> dict[str, str]:
    return {} if way in OWN_TEACHER else {"teacher": "studio-small"}


def shown(studio_command: Any, job: dict[str, Any]) -> list[dict[str, Any]]:
    code, document, _ = studio_command("jobs", "show", job["id"])
    assert code == 0
    return list(document["events"])


@pytest.mark.long
def test_prompts_alone_are_answered_then_read(studio_command: Any, studio: User, tmp_path: Path) -> None:
    file = tmp_path / "prompts.jsonl"
    file.write_text("\n".join(json.dumps({"prompt": f"What is {n} + {n % 7}?"}) for n in range(N_ROWS)))
    assert studio_command("data", "add", str(file), "--name", "prompts", "--shape", "prompt_only")[0] == 0
    code, job, said = studio_command(*train("distill_logits", "small-in-nano"))
    assert code == 0, said
    stages = [event["data"]["stage"] for event in shown(studio_command, job) if event["data"].get("stage")]
    assert stages[:4] == ["preparing", "letting the teacher answer", "reading the teacher", "training"]
    assert any("held-out prompts" in remark for remark in job["verdict"]["remarks"])
