"""Intruder reductions: queued with the data that the result learned, or refused in words, all problems at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from test_continuations import published

from storage import job_inputs
from storage.gallery import artifacts
from storage.models import Artifact, Dataset, User
from storage.planning import intruders
from templates.errors import BadInput
from templates.roles import Role

StoreDataset = Callable[..., Dataset]
TICKETS = [{"text": f"where is parcel {n}?", "label": "shipping" if n % 2 else "billing"} for n in range(40)]


@pytest.fixture(autouse=True)
def data(store_dataset: StoreDataset) -> None:
    store_dataset("tickets", "classification", TICKETS, 4)


def with_config(artifact: Artifact, **config: Any) -> Artifact:
    (artifacts.folder(artifact) / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", **config}))
    return artifact


def test_the_job_is_judged_on_what_the_result_learned(studio: User) -> None:
    first = with_config(published(studio, "first"))
    job = intruders.submit(studio, model="first", name="less", settings={"top_k": 3})
    assert job.kind == intruders.KIND
    inputs = job_inputs.of_job(job.id)
    assert inputs.model(Role.BASE) == first
    assert inputs.measured_on
    assert inputs.measured_on.name == "tickets"
    assert job.spec["params"] == {"top_k": 3, "threshold_epsilon": 0.5, "mitigation_lambda": 0.75}
    assert "top_k 3" in job.spec["continued_because"]


UNFIT: list[tuple[dict[str, Any], str]] = [
    ({"peft_type": "IA3"}, "only LoRA adapters can be, and it is IA3"),
    ({"use_dora": True}, "DoRA also learned the lengths of the weights"),
    ({"lora_bias": True}, "also learned biases"),
    ({"fan_in_fan_out": True}, "stored transposed"),
    ({"modules_to_save": ["lm_head"]}, "whole layers"),
]


def test_what_peft_can_not_reduce(studio: User) -> None:
    first = published(studio, "first")
    for config, said in UNFIT:
        with_config(first, **config)
        with pytest.raises(BadInput, match=said):
            intruders.submit(studio, model="first", name="less")


def test_every_problem_is_named_at_once(studio: User, store_dataset: StoreDataset) -> None:
    store_dataset("letters", "text", [{"text": f"Dear Ann {n}."} for n in range(20)], 2)
    with_config(published(studio, "first"))
    with pytest.raises(BadInput) as caught:
        intruders.submit(studio, model="first", name="first", dataset="letters", settings={"mitigation_lambda": 2})
    fields = {problem.field for problem in caught.value.problems}
    assert fields == {"mitigation_lambda", "dataset", "name"}


def test_models_without_an_adapter(studio: User) -> None:
    with pytest.raises(BadInput, match="it is a base model, without an adapter"):
        intruders.submit(studio, model="studio-nano", name="less")
    published(studio, "whole", method="full")
    with pytest.raises(BadInput, match="it is a full model, without an adapter"):
        intruders.submit(studio, model="whole", name="less")


def test_what_chooses_among_labels_is_judged_on_its_own_data_only(studio: User, store_dataset: StoreDataset) -> None:
    store_dataset("others", "classification", TICKETS, 4)
    with_config(published(studio, "first", objective="classification"))
    with pytest.raises(BadInput, match="other data may have others"):
        intruders.submit(studio, model="first", name="less", dataset="others")
    assert intruders.submit(studio, model="first", name="less").kind == intruders.KIND
