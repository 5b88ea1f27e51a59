"""A reward model that rewards answers: by command, recipe file and REST."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.cli import main
from storage import job_inputs
from storage.data import datasets, uploads
from storage.jobs import jobs
from storage.models import Dataset, User
from storage.planning import training
from templates import recipe
from templates.roles import Role
from tests.judges import publish_judge

RECIPE = """objective = "rloo"
method = "lora"
reward = "my-judge:0.5"

[objective_params]
verifiers = ["length"]
"""
TRAIN = ("train", "--base", "studio-small", "--data", "parcels", "--name", "liked", "--json")
BY_OPTIONS = (*TRAIN, "--objective", "rloo", "--method", "lora")


@pytest.fixture
def parcels(studio: User) -> Dataset:
    rows = [{"prompt": f"where is parcel {n}?", "completion": f"in the van {n}"} for n in range(40)]
    file = io.BytesIO("\n".join(map(json.dumps, rows)).encode())
    return datasets.add(studio, uploads.save(studio, "parcels.jsonl", file), name="parcels", shape="prompt_completion")


def submitted(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(list(words)) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(list(words)) == 2
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["error"]["problems"]
    return found


@pytest.mark.usefixtures("parcels")
def test_by_command_it_rewards_alone_or_beside_checks(
    studio: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish_judge(studio)
    job = submitted(capsys, *BY_OPTIONS, "--reward", "my-judge:2")
    given = job["spec"]["recipe"]["objective_params"]
    assert (given["verifiers"], given["reward_model_weight"]) == ([], 2)
    reward = job_inputs.of_job(job["id"]).model(Role.REWARD)
    assert reward is not None
    assert reward.name == "my-judge"
    capsys.readouterr()
    assert main(["jobs", "show", job["id"]]) == 0
    assert "reward “my-judge”" in capsys.readouterr().out
    jobs.cancel(studio, job["id"])
    both = submitted(capsys, *BY_OPTIONS, "--reward", "my-judge", "--verifier", "length:3", "--name", "both")
    given = both["spec"]["recipe"]["objective_params"]
    assert (given["verifiers"], given["length_weight"], given["reward_model_weight"]) == (["length"], 3, 1)
    file = tmp_path / "mine.toml"
    file.write_text(RECIPE)
    named = submitted(capsys, "train", str(file), *TRAIN[1:], "--name", "by-recipe")
    given = named["spec"]["recipe"]["objective_params"]
    assert (given["verifiers"], given["reward_model_weight"]) == (["length"], 0.5)
    assert job_inputs.of_job(named["id"]).model(Role.REWARD) == reward


@pytest.mark.usefixtures("parcels")
def test_what_cannot_reward_is_refused_at_its_field(studio: User, capsys: pytest.CaptureFixture[str]) -> None:
    publish_judge(studio)
    assert [one["field"] for one in refused(capsys, *BY_OPTIONS, "--set", "verifiers=[]")] == ["verifiers"]
    (problem,) = refused(capsys, *BY_OPTIONS, "--reward", "studio-nano")
    assert (problem["field"], problem["remedy"]) == ("reward", "Known: my-judge.")
    (problem,) = refused(capsys, *BY_OPTIONS, "--reward", "my-judge:much")
    assert problem["field"] == "--reward"
    (problem,) = refused(capsys, *BY_OPTIONS, "--reward", "my-judge:-1")
    assert problem["field"] == "reward_model_weight"


@pytest.mark.usefixtures("parcels")
def test_over_rest_it_is_a_field(client: TestClient, studio: User) -> None:
    publish_judge(studio)
    wish = {"base": "studio-small", "dataset": "parcels", "objective": "grpo", "method": "lora", "reward": "my-judge"}
    plan = client.post("/api/v1/plans", json=wish).json()
    assert plan["reward"] == "my-judge"
    assert plan["recipe"]["objective_params"]["verifiers"] == []
    made = client.post("/api/v1/jobs", json={**wish, "name": "liked"}).json()
    assert {"role": "reward", "name": "my-judge"}.items() <= next(
        one for one in made["inputs"] if one["role"] == "reward"
    ).items()
    used = client.delete("/api/v1/artifacts/my-judge")
    assert used.status_code == 409
    assert "“my-judge” is used by the job “liked”" in used.text
    (problem,) = client.post("/api/v1/plans", json={**wish, "reward": "nobody"}).json()["error"]["problems"]
    assert problem["field"] == "reward"
    takes = {one["key"]: one["takes"] for one in client.get("/api/v1/methods").json()["objectives"]}
    assert takes["rloo"] == ["reward"]
    assert takes["sft"] == []


@pytest.mark.usefixtures("parcels")
def test_the_option_s_weight_replaces_that_of_a_whole_recipe(
    studio: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish_judge(studio)
    wish = {"base": "studio-small", "dataset": "parcels", "objective": "rloo", "method": "lora", "reward": "my-judge"}
    plan = training.plan(studio, **wish, settings={"reward_model_weight": 3})  # type: ignore[arg-type]
    file = tmp_path / "recipe.toml"
    file.write_text(recipe.to_toml(plan.recipe, "my-judge"))
    train = ("train", str(file), *TRAIN[1:])

    def weight(name: str, *words: str) -> float:
        job = submitted(capsys, *train, "--name", name, *words)
        given = job_inputs.of_job(job["id"]).model(Role.REWARD)
        assert given is not None
        assert given.name == "my-judge"
        return float(job["spec"]["recipe"]["objective_params"]["reward_model_weight"])

    assert weight("as-before") == 3, "a result's recipe names its reward model"
    assert weight("by-option", "--reward", "my-judge:0.5") == 0.5
    assert weight("by-setting", "--set", "reward_model_weight=2") == 2
    assert weight("both-alike", "--reward", "my-judge:2", "--set", "reward_model_weight=2") == 2
    (problem,) = refused(capsys, *train, "--reward", "my-judge:0.5", "--set", "reward_model_weight=2")
    assert problem["field"] == "--reward"
    assert "is given twice with different values: 0.5 and reward_model_weight=2" in problem["message"]
    file.write_text(recipe.to_toml(plan.recipe, "my-judge:0.5"))
    (problem,) = refused(capsys, *train)
    assert (problem["field"], "given twice" in problem["message"]) == ("reward", True)
