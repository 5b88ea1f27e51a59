"""Judged answers on the pages: mapped, shown as they are learned, trained on where a goal takes them."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from app.pages import data_form, data_views, mapping_views, rendered, train_form
from app.pages.filled import Filled
from app.pages.rendered import Sample
from storage.bases import base_models
from storage.data import datasets, uploads
from storage.models import Dataset, User
from tests.app.pages.data_page import opened, remapped

PAIRS = [{"prompt": f"Where is {i}?", "chosen": f"Here is {i}.", "rejected": f"No {i}."} for i in range(30)]
JUDGED = [{"prompt": f"Where is {i}?", "completion": f"Here is {i}.", "label": i % 2 == 0} for i in range(30)]


def upload(user: User, rows: list[dict[str, Any]], name: str) -> str:
    return uploads.save(user, f"{name}.jsonl", io.BytesIO("\n".join(map(json.dumps, rows)).encode())).id


@pytest.fixture
def judged(studio: User) -> Dataset:
    """Answers judged one by one."""
    return datasets.add(studio, uploads.get(studio, upload(studio, JUDGED, "judged")), name="judged")


def test_pairs_are_mapped_and_shown(studio: User, asking: Any) -> None:
    shown = opened(asking(studio, upload=upload(studio, PAIRS, "pairs")))
    labels = ["Prompt (optional)", "Chosen answer (required)", "Rejected answer (required)"]
    assert [shown[f"slot{i}"]["label"] for i in range(5)] == [*labels, "System prompt (optional)", "Tools (optional)"]
    assert [shown[f"slot{i}"]["value"] for i in range(5)] == ["prompt", "chosen", "rejected", "", ""]
    assert "<b>All 30 rows fit.</b>" in shown["fit"]
    assert "No goal" not in shown["fit"]
    assert "<b>user</b> Where is 0?" in shown["first_rows"]
    assert "No 0." in shown["first_rows"]


def test_without_a_prompt_the_page_says_what_to_choose(studio: User, asking: Any) -> None:
    subject = f"upload:{upload(studio, PAIRS, 'pairs')}"
    shown = remapped(data_form.remap(asking(studio), subject, "", "", "preference", "", "chosen", "rejected", "", ""))
    assert "has no question before the answer, and there is no prompt." in shown["alert"]
    assert "Choose a column for “Prompt”" in shown["alert"]
    assert "The model can't learn from 30 rows" in shown["fit"]


def test_single_judgements_fit(studio: User, asking: Any) -> None:
    shown = opened(asking(studio, upload=upload(studio, JUDGED, "judged")))
    assert "<b>All 30 rows fit.</b>" in shown["fit"]
    assert "No goal" not in shown["fit"]
    cells = mapping_views.first_rows("unpaired_preference", [{**JUDGED[1], "prompt": [], "source_row": 2}])
    assert ">false</td>" in cells


def test_both_answers_of_a_pair_are_shown_and_the_chosen_one_first(studio: User) -> None:
    row = {"prompt": [{"role": "user", "content": "Where?"}], "chosen": "Here.", "rejected": "No."}
    html = rendered.row_html(base_models.get(studio, "studio-nano"), Sample("preference", [row], 1), 0, 64)
    learned = html.split('<span class="learned">')[1].split("</span>")[0]
    assert "Here." in learned
    assert "Where?" in html.split('<span class="learned">')[0]
    chosen, rejected = html.split("· rejected ·", 1)
    assert "No." not in chosen
    assert "No." in rejected


def test_rejected_answers_have_a_length_picture_of_their_own(studio: User) -> None:
    asked = [{"role": "user", "content": "Where?"}]
    rows = [{"prompt": asked, "chosen": "Here.", "rejected": "No, " * n} for n in (1, 100, 200)]
    rows.append({"prompt": asked, "chosen": "Here.", "rejected": "No <|im_end|>"})
    html = data_views.lengths(base_models.get(studio, "studio-nano"), Sample("preference", rows, 4), 64)
    chosen, rejected = html.split("Rows with their rejected answer, by length in tokens", 1)
    assert "0 rows longer than 64 tokens" in chosen
    assert "special token" not in chosen
    assert "4 rejected answers, each after its prompt" in rejected
    assert "2 rows would be cut at the end and 0 rows refused." in rejected
    assert "1 row spells out a special token" in rejected
    assert html.count("<svg") == 2
    judged = [{"prompt": asked, "completion": "Here.", "label": True}]
    assert (
        data_views.lengths(base_models.get(studio, "studio-nano"), Sample("unpaired_preference", judged, 1), 64).count(
            "<svg"
        )
        == 1
    )


def test_a_bad_answer_is_shown_as_one(studio: User) -> None:
    asked = [{"role": "user", "content": "Where?"}]
    rows = [{"prompt": asked, "completion": "Here.", "label": label} for label in (True, False)]
    base, sample = base_models.get(studio, "studio-nano"), Sample("unpaired_preference", rows, 2)
    assert ["rated bad" in rendered.row_html(base, sample, i, 64) for i in range(2)] == [False, True]


def test_pairs_are_proposed_for_preference_and_can_be_learned_by_their_chosen_answers(
    studio: User, asking: Any
) -> None:
    datasets.add(studio, uploads.get(studio, upload(studio, PAIRS, "pairs")), name="pairs")
    shown = train_form.opened(asking(studio, data="pairs"))
    assert [key for _, key in shown[5]["choices"]][:2] == ["prefer_answers", "sft"]
    assert shown[-1]["objective"] == "orpo"


def test_single_judgements_lead_to_the_way_that_takes_them(studio: User, judged: Dataset, asking: Any) -> None:
    shown = train_form.opened(asking(studio, data="judged"))
    assert (shown[5]["value"], shown[-1]["objective"]) == ("prefer_answers", "kto")
    request = asking(studio)
    checked = train_form.checked(request, Filled(**shown[-1]))
    card = next(str(one) for one in checked if "Before you launch" in str(one))
    assert "good ones count" in card
    assert "The reference is the base with the adapter switched off" in card
