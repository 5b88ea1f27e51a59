"""Files of prompts without answers: guessed, kept, checked, and refused by every goal that needs answers."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from app.pages import rendered
from storage.bases import base_models
from storage.data import datasets, uploads
from storage.data.health import report
from storage.models import Dataset, User
from storage.planning import evaluations, training
from templates import registry
from templates.errors import BadInput

ASKED = [
    {"role": "user", "content": "Where?"},
    {"role": "assistant", "content": "Here."},
    {"role": "user", "content": "When?"},
]


def added(user: User, rows: list[dict[str, Any]], **choices: Any) -> Dataset:
    upload = uploads.save(user, "asked.jsonl", io.BytesIO("\n".join(map(json.dumps, rows)).encode()))
    return datasets.add(user, upload, name="asked", **choices)


@pytest.mark.parametrize(
    ("row", "shape"),
    [
        ({"prompt": "Where is {i}?"}, "prompt_only"),
        ({"question": "Where is {i}?", "id": 7}, "prompt_only"),
        ({"prompt": "Where is {i}?", "system": "Be brief."}, "prompt_only"),
        ({"prompt": "Where is {i}?", "note": "Asked by {i}."}, "prompt_completion"),
        ({"text": "It is there, {i}."}, "text"),
        ({"body": "It is there, {i}."}, "text"),
    ],
)
def test_only_a_file_of_prompts_is_guessed_to_be_one(studio: User, row: dict[str, Any], shape: str) -> None:
    rows = [{k: v.format(i=i) if isinstance(v, str) else v for k, v in row.items()} for i in range(30)]
    assert added(studio, rows).shape == shape


def test_prompts_are_kept_as_turns(studio: User) -> None:
    texts = [{"prompt": f"Where is {i}?", "system": "Be brief."} for i in range(30)]
    stored = datasets.rows(added(studio, [*texts, {"prompt": ASKED, "system": None}]))
    assert stored[0]["prompt"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Where is 0?"},
    ]
    assert stored[-1]["prompt"] == ASKED


def test_a_prompt_that_does_not_ask_is_refused_by_its_row(studio: User) -> None:
    rows: list[dict[str, Any]] = [{"prompt": [*ASKED, {"role": "assistant", "content": "Now."}]}, {"prompt": ASKED}]
    with pytest.raises(BadInput) as caught:
        added(studio, rows, shape="prompt_only", mapping={"prompt": "prompt"})
    assert caught.value.problems[0].row == 1
    assert caught.value.problems[0].field == "prompt"


def test_prompts_have_a_health_report_without_answers(studio: User) -> None:
    data = added(studio, [{"prompt": f"Where is parcel {i % 25}?"} for i in range(30)])
    found = report.of_dataset(studio, data.name)
    says = " ".join(one.finding.says for one in found.found)
    assert "answer" not in says
    assert found.n_rows == 30


def test_goals_that_need_answers_refuse_prompts_in_words(studio: User) -> None:
    data = added(studio, [{"prompt": f"Where is {i}?"} for i in range(30)])
    for objective in registry.objectives().values():
        if "prompt_only" in objective.row_shapes or objective.repairs:
            continue
        with pytest.raises(BadInput, match="holds prompt_only") as caught:
            training.plan(studio, base="studio-nano", dataset=data.name, objective=objective.key, method="lora")
        assert caught.value.problems[0].remedy
    with pytest.raises(BadInput):
        evaluations.submit(studio, models=["studio-nano"], dataset=data.name)


def test_the_preview_says_that_there_is_nothing_to_learn(studio: User) -> None:
    data = added(studio, [{"prompt": f"Where is {i}?"} for i in range(30)])
    html = rendered.row_html(base_models.get(studio, "studio-nano"), rendered.of_dataset(data), 0, 64)
    assert "Where is" in html
    assert "Prompts without answers" in html
    assert '<span class="learned">Where' not in html
