"""Judged answers in the layouts of public data on the pages: from the file to the launch, and in full to a verdict."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from app.pages import outcomes, rendered, stored_data, train_form
from app.pages.filled import Filled
from storage.bases import base_models
from storage.data import datasets, uploads
from storage.models import Dataset, User
from templates import registry
from tests.app.pages.data_page import MAPPED, opened
from tests.contracts import in_process
from tests.judged_layouts import LAYOUTS, N_ROWS, Row, written

CASES = pytest.mark.parametrize(("row", "shape", "objective"), LAYOUTS, ids=lambda one: getattr(one, "__name__", one))
SMALL = {"max_steps": 6, "max_length": 96}


def used(user: User, asking: Any, file: Path) -> tuple[Dataset, str]:
    """The dataset that the Data page makes of the file with what it proposes, and the next page's address."""
    upload = uploads.save(user, file.name, file.open("rb"))
    shown = opened(asking(user, upload=upload.id))
    assert f"<b>All {N_ROWS} rows fit.</b>" in shown["fit"]
    mapped = [value["value"] if isinstance(value := shown[name], dict) else value for name in MAPPED]
    _, address = stored_data.use_data(asking(user), f"upload:{upload.id}", "judged", "", "", False, False, *mapped)
    return datasets.get(user, "judged"), address


def filled(user: User, asking: Any, address: str, objective: str) -> Filled:
    """The form that the address opens, with another way to the same goal."""
    query = {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}
    form = Filled(**train_form.opened(asking(user, **query, base="studio-nano", objective=objective))[-1])
    assert (form.objective, form.base, form.data) == (objective, "studio-nano", "judged")
    return form


@CASES
def test_a_file_leads_to_the_launch(
    studio: User, asking: Any, tmp_path: Path, row: Callable[[int], Row], shape: str, objective: str
) -> None:
    dataset, address = used(studio, asking, written(tmp_path, row))
    assert (dataset.shape, dataset.n_rows, address) == (shape, N_ROWS, "train?data=judged")
    first = datasets.rows(dataset, side="training", most=1)[0]
    assert first["prompt"][-1]["role"] == "user"
    form = filled(studio, asking, address, objective)
    card = next(str(one) for one in train_form.checked(asking(studio), form) if "Before you launch" in str(one))
    if shape == "unpaired_preference":
        assert "good ones count" in card
    base, sample = base_models.get(studio, "studio-nano"), rendered.of_dataset(dataset)
    for way in (None, registry.objective(objective)):
        html = unescape(rendered.row_html(base, sample, 0, 96, way))
        sides = 2 if shape == "preference" else 1
        assert html.count('aria-label="Rendered row') == html.count("tokens; the model learns") == sides
        assert ('class="avoided">' in html) == (sides == 2 or not first["label"])
        assert "Human:" not in html


def test_a_bad_answer_is_not_shown_as_one_to_give(studio: User) -> None:
    row = {"prompt": [{"role": "user", "content": "Where?"}], "completion": "Look yourself.", "label": False}
    html = rendered.row_html(
        base_models.get(studio, "studio-nano"), rendered.Sample("unpaired_preference", [row], 1), 0, 64
    )
    assert 'class="learned">Look' not in html
    assert 'class="avoided"' in html


def test_what_would_mislead_is_repeated_at_the_launch(studio: User, asking: Any, tmp_path: Path) -> None:
    pairs = [
        {"prompt": f"Where is {n}?", "chosen": f"Number {n} is here, as it has always been.", "rejected": f"No {n}."}
        for n in range(40)
    ]
    torn = [{**pairs[0], "chosen": pairs[0]["rejected"], "rejected": pairs[0]["chosen"]}] * 3
    file = tmp_path / "pairs.jsonl"
    file.write_text("\n".join(map(json.dumps, [*pairs, *torn])))
    datasets.add(studio, uploads.save(studio, file.name, file.open("rb")), name="judged")
    for objective in ("dpo", "orpo", "simpo", "kto"):
        form = filled(studio, asking, "train?data=judged", objective)
        card = next(str(one) for one in train_form.checked(asking(studio), form) if "Before you launch" in str(one))
        assert "Length bias: " in card
        assert "Contradicting judgements: " in card


@pytest.mark.long
@CASES
def test_the_launch_leads_to_a_verdict(
    studio: User,
    asking: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    row: Callable[[int], Row],
    shape: str,
    objective: str,
) -> None:
    monkeypatch.setenv("STUDIO_EVAL_ROWS", "4")
    _, address = used(studio, asking, written(tmp_path, row))
    form = filled(studio, asking, address, objective)
    form = replace(form, values={**form.values, **SMALL})
    _, address = train_form.launched(asking(studio), form, "key", f"by-{objective}")
    job = in_process.carried_out(studio, in_process.jobs.get(studio, address.partition("=")[2]))
    assert job.state == "SUCCEEDED"
    html = str(outcomes.block(studio, job))
    assert "Answers against those of" in html
    assert "Win rate at equal length" in html
    assert (job.result or {})["headline"] == ("preference_accuracy" if shape == "preference" else "loss")
