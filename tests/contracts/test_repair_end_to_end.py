"""A result is repaired and reduced, from the request to what is published; and a repair can be repaired again."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import torch  # noqa: TID253

from storage import job_inputs
from storage.bases import base_models
from storage.data import datasets, openings, uploads
from storage.gallery import artifacts, chains
from storage.models import Job, User
from storage.planning import intruders, training
from templates.roles import Role
from tests.contracts.in_process import carried_out

TEXTS = [("my order came late", "delivery"), ("refund the invoice please", "refund"), ("card lost", "card")]
SHORT = {"max_steps": 2, "eval_steps": 2, "max_length": 64}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("STUDIO_FORGETTING_ITEMS", "0")
    torch.set_num_threads(1)


@pytest.fixture
def first(studio: User, tiny_model_folder: Path) -> Job:
    """A finished training on a base that is no catalogued one, with prompts beside it."""
    base_models.add(studio, "tiny", str(tiny_model_folder))
    tickets = [json.dumps({"prompt": f"{text} {i}", "completion": label}) for i in range(6) for text, label in TEXTS]
    prompts = [json.dumps({"prompt": f"Tell me {i} things.", "completion": "No."}) for i in range(24)]
    for name, lines in (("tickets", tickets), ("general", prompts)):
        upload = uploads.save(studio, f"{name}.jsonl", io.BytesIO("\n".join(lines).encode()))
        datasets.add(studio, upload, name=name)
    plan = training.plan(
        studio, base="tiny", dataset="tickets", objective="sft", method="lora", settings={**SHORT, "r": 4}
    )
    return carried_out(studio, training.submit(studio, plan, name="first"))


def repaired(user: User, base: str, name: str) -> Job:
    settings = {**SHORT, "max_completion_length": 6, "mask_truncated_completions": False}
    asked = {"dataset": "general", "objective": "repair", "method": "lora", "settings": settings}
    return carried_out(user, training.submit(user, training.plan(user, base=base, **asked), name=name))  # type: ignore[arg-type]


@pytest.mark.long
@pytest.mark.usefixtures("first")
def test_repaired_then_reduced(studio: User) -> None:
    again = repaired(studio, "first", "again")
    inputs, result = job_inputs.of_job(again.id), again.result or {}
    assert [one.name for one in inputs.all(Role.TRAINING)] == ["tickets"]
    assert (result["parent"], result["root"]["name"]) == ("first", "tiny")
    assert result["came_back"].startswith("General abilities were not measured.")
    assert result["opening"] == 2
    reduced = carried_out(studio, intruders.submit(studio, model="again", name="less", settings={"top_k": 4}))
    told = reduced.result or {}
    assert (told["parent"], told["root"]["name"], told["opening"]) == ("again", "tiny", 3)
    assert openings.of(datasets.get(studio, "tickets")) == 3
    steps = chains.of(artifacts.get(studio, "less")).steps
    assert [(one.name, one.continued) for one in steps] == [
        ("first", ""),
        ("again", "same_adapter"),
        ("less", "reduced"),
    ]
    assert (steps[1].data, steps[2].data) == ("tickets", ""), "the last one trained nothing"


@pytest.mark.long
@pytest.mark.usefixtures("first")
def test_what_was_reduced_can_be_repaired(studio: User) -> None:
    carried_out(studio, intruders.submit(studio, model="first", name="less"))
    last = repaired(studio, "less", "last")
    assert (last.result or {})["parent"] == "less"
    assert last.spec["continued"] == "same_adapter"
    assert [one.name for one in job_inputs.of_job(last.id).all(Role.TRAINING)] == ["tickets"]
