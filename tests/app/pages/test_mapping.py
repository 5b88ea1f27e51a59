"""The mapping on the Data page: reasons, values, what fits, and what an earlier file of the same columns had."""

from __future__ import annotations

import io
from typing import Any

import pytest

from app.pages import data_form as data
from app.pages import mapping, stored_data
from app.pages.alerts import guarded
from app.pages.mapping import SLOTS
from storage import users
from storage.data import datasets, uploads
from storage.models import Dataset, User
from tests.app.pages.data_page import afresh, opened, remapped

HEAD = "id,customer,agent"


def rows(n_rows: int, n_empty: int = 0) -> str:
    lines = [f"{i},Where is parcel {i}?,{'' if i < n_empty else f'Parcel {i} is here.'}" for i in range(n_rows)]
    return "\n".join([HEAD, *lines])


def upload(user: User, content: str, name: str = "november.csv") -> str:
    return uploads.save(user, name, io.BytesIO(content.encode())).id


@pytest.fixture
def october(studio: User) -> Dataset:
    """A dataset for which the columns were chosen by hand."""
    file = uploads.get(studio, upload(studio, rows(30), "october.csv"))
    return datasets.add(studio, file, name="october", mapping={"prompt": "customer", "completion": "agent"})


def test_where_nothing_is_guessed_the_columns_are_shown_and_nothing_is_red(studio: User, asking: Any) -> None:
    shown = opened(asking(studio, upload=upload(studio, rows(20))))
    assert shown["alert"] == ""
    assert [shown["slot0"]["label"], shown["slot2"]["label"]] == ["Prompt (required)", "System prompt (optional)"]
    assert "No matching column found. Choose one." in shown["why0"]["value"]
    assert "Choose a column for “Prompt” and “Answer”." in shown["fit"]
    assert "Where is parcel 0?" in shown["first_rows"]
    alert, _ = guarded(2)(stored_data.use_data)(
        asking(studio), shown["subject"], "x", "", "", False, False, shown["shape"]["value"], None, None, ""
    )
    assert alert.count("choose a column for") == 2


def test_every_spare_column_is_emptied(studio: User) -> None:
    # Gradio takes the value out of the update it is given: one update for two boxes would empty only the first.
    file = uploads.get(studio, upload(studio, "text\n" + "Parcels come on Monday.\n" * 9))
    emptied = [update for update in mapping.afresh(datasets.preview(studio, file)) if update.get("value", 0) is None]
    assert len(emptied) > 2
    assert len({id(update) for update in emptied}) == len(emptied)


def test_a_changed_column_changes_reason_values_rows_and_counts(studio: User, asking: Any) -> None:
    subject = f"upload:{upload(studio, rows(20, n_empty=3))}"
    shown = remapped(data.remap(asking(studio), subject, "", "", "prompt_completion", "customer", "agent", ""))
    assert "Your choice." in shown["why0"]["value"]
    assert "<li>Where is parcel 0?</li>" in shown["why0"]["value"]
    assert "<b>17 of 20 rows fit.</b> The model can't learn from 3 rows:" in shown["fit"]
    assert "“agent” is empty; “Answer” needs a text. Rows 2, 3, 4." in shown["fit"]
    assert "Not used: id." in shown["fit"]
    assert "Parcel 3 is here." in shown["first_rows"]
    assert "<td>Answer</td>" in shown["columns"]
    assert shown["leave_out"]["visible"]
    other = remapped(data.remap(asking(studio), subject, "", "", "prompt_completion", "customer", "id", ""))
    assert "<b>All 20 rows fit.</b>" in other["fit"]
    assert "Parcel" not in other["first_rows"]


def test_an_optional_field_that_is_set_to_none_stays_open(studio: User, asking: Any) -> None:
    content = "system,prompt,completion\n" + "".join(f"be brief,question {i},answer {i}\n" for i in range(20))
    shown = opened(asking(studio, upload=upload(studio, content)))
    assert shown["slot2"]["value"] == "system"
    choice = ["prompt_completion", "prompt", "completion", ""]
    changed = remapped(data.remap(asking(studio), shown["subject"], "", "", *choice))
    assert "Left open. The guess is “system”." in changed["why2"]["value"]
    stored_data.use_data(asking(studio), shown["subject"], "plain", "", "", False, False, *choice)
    assert {row["system"] for row in datasets.rows(datasets.get(studio, "plain"))} == {None}


def test_joined_columns_can_be_chosen(studio: User, asking: Any) -> None:
    alpaca = "instruction,input,output\n" + "".join(f"Translate,cat {i},chat {i}\n" for i in range(20))
    shown = opened(asking(studio, upload=upload(studio, alpaca)))
    assert (shown["slot0"]["value"], shown["more0"]["value"]) == ("instruction", ["input"])
    assert shown["more0"]["choices"] == ["instruction", "input", "output"]
    assert [shown[f"more{i}"]["visible"] for i in range(3)] == [True, True, False]
    shape, slots = "prompt_completion", ["input", "output", "", *[None] * (SLOTS - 3), ["instruction"]]
    changed = remapped(data.remap(asking(studio), shown["subject"], "", "", shape, *slots))
    assert "cat 0 Translate" in changed["first_rows"]
    stored_data.use_data(asking(studio), shown["subject"], "turned", "", "", False, False, shape, *slots)
    made = datasets.get(studio, "turned")
    assert made.mapping == {"prompt": "input + instruction", "completion": "output"}
    assert datasets.rows(made)[0]["prompt"] == "cat 0\n\nTranslate"


def test_the_next_file_of_the_same_columns_is_opened_as_the_last(studio: User, october: Dataset, asking: Any) -> None:
    shown = opened(asking(studio, upload=upload(studio, rows(20))))
    assert [shown["slot0"]["value"], shown["slot1"]["value"]] == ["customer", "agent"]
    assert "As for “october” on " in shown["offer"]
    assert "Prompt and answer (Prompt ← customer, Answer ← agent)" in shown["offer"]
    assert "because the file has the same columns" in shown["offer"]
    assert "As for “october” on " in shown["why0"]["value"]
    assert shown["switch"] | {"visible": True, "value": "Use the guess instead"} == shown["switch"]
    stored_data.use_data(
        asking(studio), shown["subject"], "november", "", "", False, False, "prompt_completion", "customer", "agent", ""
    )
    assert datasets.get(studio, "november").mapping == october.mapping


def test_one_click_leads_to_the_guess_and_back(studio: User, october: Dataset, asking: Any) -> None:
    subject = f"upload:{upload(studio, rows(20))}"
    taken = ["prompt_completion", "customer", "agent", ""]
    guess = afresh(data.switch(asking(studio), subject, "", "", *taken))
    assert guess["slot0"]["value"] is None
    assert "you chose: Prompt and answer" in guess["offer"]
    assert guess["switch"]["value"] == "Choose as for “october”"
    back = afresh(data.switch(asking(studio), subject, "", "", "prompt_completion", None, None, ""))
    assert [back["slot0"]["value"], back["slot1"]["value"]] == ["customer", "agent"]
    assert back["switch"]["value"] == "Use the guess instead"
    changed = remapped(data.remap(asking(studio), subject, "", "", "prompt_completion", "agent", "customer", ""))
    assert changed["switch"]["value"] == "Choose as for “october”"


def test_what_equals_the_guess_is_told_without_a_button(studio: User, tickets: Dataset, asking: Any) -> None:
    content = "text,category\n" + "".join(f"question {i},{'ab'[i % 2]}\n" for i in range(40))
    shown = opened(asking(studio, upload=upload(studio, content)))
    assert "The same as for “tickets” on " in shown["offer"]
    assert not shown["switch"]["visible"]
    assert "The column is called “text”." in shown["why0"]["value"]


def test_names_can_not_bring_markup(studio: User, asking: Any) -> None:
    head = "<img src=x>,${7*7},{{x}}"
    content = head + "\n" + "\n".join(f"question {i},answer <b>{i},<i>x" for i in range(20))
    subject = f"upload:{upload(studio, content)}"
    mapped = ["prompt_completion", "<img src=x>", "${7*7}", ""]
    stored_data.use_data(asking(studio), subject, "hostile", "", "", False, False, *mapped)
    shown = opened(asking(studio, upload=upload(studio, content, "next.csv")))
    assert shown["slot0"]["value"] == "<img src=x>"
    page = str([shown[part] for part in ("why0", "why1", "offer", "fit", "first_rows", "columns", "remarks")])
    stored = str(opened(asking(studio, data="hostile")))
    for forbidden in ("<img", "<b>0", "<i>", "${", "{{"):
        assert forbidden not in page
        assert forbidden not in stored


def test_conversations_are_shown_turn_by_turn(studio: User, asking: Any) -> None:
    turns = '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello <b>"}]}'
    shown = opened(asking(studio, upload=upload(studio, "\n".join([turns] * 5), "talks.jsonl")))
    assert "<b>user</b> Hi<br><b>assistant</b> Hello &lt;b&gt;" in shown["first_rows"]


def test_others_can_not_switch(studio: User, october: Dataset, asking: Any) -> None:
    other = users.add("mallory", "a long password")
    subject = f"upload:{upload(studio, rows(20))}"
    shown = guarded(3)(data.switch)(asking(other), subject, "", "", "prompt_completion", "customer", "agent", "")
    assert "There is no upload" in shown[0]


def test_what_looks_like_a_label_is_asked_about_beside_the_choices(studio: User, asking: Any) -> None:
    content = "question,answer,queue\n" + "".join(f"What is {i}?,It is {i}.,q{i % 3}\n" for i in range(20))
    shown = opened(asking(studio, upload=upload(studio, content)))
    assert "Column “queue” looks like a label (3 different values in 20 rows) but isn&#39;t used." in shown["fit"]
    assert "looks like a label" in shown["remarks"]


def test_rows_that_cannot_be_read_are_said_and_can_be_kept_or_left_out(studio: User, asking: Any) -> None:
    table = "question,answer\n" + "".join(f"What is {i}?,It is {i}.\n" for i in range(20))
    content = table.encode() + b"so \xf0\x9f\x98,yes\none,two,three\n"
    file = uploads.save(studio, "cut.csv", io.BytesIO(content))
    shown = opened(asking(studio, upload=file.id))
    assert "row 22" in shown["alert"]
    assert "<b>20 of 22 rows fit.</b>" in shown["fit"]
    assert (shown["leave_out"]["visible"], shown["leave_out"]["value"]) == (True, False)
    assert (shown["replace"]["visible"], shown["replace"]["value"]) == (True, False)
    assert shown["replace"]["label"].startswith("Keep 1 row with broken characters")
    wish = [shown["subject"], "cut", "", "", True, True]
    stored_data.use_data(asking(studio), *wish, "prompt_completion", "question", "answer", "")
    assert datasets.rows(datasets.get(studio, "cut"))[-1]["prompt"] == "so \ufffd"
    wrong = remapped(data.remap(asking(studio), shown["subject"], "", "", "prompt_completion", "answer", "answer", ""))
    assert "These choices can&#39;t be used" in wrong["fit"] or "These choices can't be used" in wrong["fit"]
    assert not wrong["replace"]["visible"]
