"""From an upload to a dataset, and what is shown of both."""

from __future__ import annotations

import io
from typing import Any

import gradio as gr

from app.pages import data_form as data
from app.pages import data_rows, stored_data
from app.pages.alerts import guarded
from storage import db, users
from storage.data import datasets, openings, uploads
from storage.models import Dataset, Job, User
from tests.app.pages.data_page import opened, remapped


def upload(user: User, content: str, name: str = "my tickets.csv") -> str:
    return uploads.save(user, name, io.BytesIO(content.encode())).id


ROWS = "text,category\n" + "".join(
    f"question {i} about {'money' if i % 2 else 'cards'},{'ab'[i % 2]}\n" for i in range(40)
)


def test_a_fresh_file_is_guessed_and_nothing_is_stored(studio: User, asking: Any) -> None:
    shown = opened(asking(studio, upload=upload(studio, ROWS)))
    assert shown["shape"]["value"] == "classification"
    assert [shown["slot0"]["value"], shown["slot1"]["value"]] == ["text", "category"]
    assert "A column called “category” usually holds the label." in shown["why1"]["value"]
    assert shown["name"] == "my-tickets"
    assert datasets.of_user(studio) == []


def test_six_actions_begin_with_two(studio: User, asking: Any) -> None:
    upload_id = upload(studio, ROWS)
    shown = opened(asking(studio, upload=upload_id))
    slots = [shown["slot0"]["value"], shown["slot1"]["value"]]
    alert, following = stored_data.use_data(
        asking(studio), shown["subject"], shown["name"], "", "", False, False, "classification", *slots
    )
    assert (alert, following) == ("", "train?data=my-tickets")
    again = opened(asking(studio, upload=upload_id))
    assert again["name"] == "my-tickets-2"


def test_the_rendered_row_tints_what_is_learned(studio: User, asking: Any) -> None:
    subject = f"upload:{upload(studio, ROWS)}"
    _, html = data_rows.show_row(
        asking(studio), subject, "studio-nano", 512, 0, "", "classification", "text", "category", None
    )
    assert '<span class="learned"> a&lt;|im_end|&gt;' in html
    assert "Row 1 of 40" in html
    _, html = data_rows.show_row(
        asking(studio), subject, "studio-nano", 16, 0, "", "classification", "text", "category", None
    )
    assert 'class="cut"' in html


def test_cells_can_not_bring_markup(studio: User, asking: Any) -> None:
    hostile = "text,category\n" + "".join(
        f"<img src=x onerror=alert({i})> ${{7*7}} {{{{x}}}},<b>{i % 2}</b>\n" for i in range(40)
    )
    upload_id = upload(studio, hostile, "<script>.csv")
    shown = opened(asking(studio, upload=upload_id))
    subject = shown["subject"]
    _, row = data_rows.show_row(
        asking(studio), subject, "studio-nano", 512, 0, "", "classification", "text", "category", None
    )
    made = datasets.add(studio, uploads.get(studio, upload_id), name="hostile", shape="classification")
    parts = ["title", "why0", "why1", "facts", "offer", "fit", "first_rows", "columns", "remarks"]
    whole = "".join(map(str, [*(shown[part] for part in parts), row, stored_data.listing(studio)]))
    whole += str(opened(asking(studio, data=made.name))["facts"])
    for forbidden in ("<img", "<script", "<b>0", "${", "{{"):
        assert forbidden not in whole


def test_a_dataset_says_how_often_its_held_out_side_was_opened(studio: User, tickets: Dataset, asking: Any) -> None:
    facts = str(opened(asking(studio, data="tickets"))["facts"])
    assert "<dt>Used for verdicts</dt><dd>never</dd>" in facts
    with db.writing() as session:
        for name in ("first", "second"):
            session.add(Job(id=name, owner_id=studio.id, idem_key=name, name=name, kind="evaluate", spec={},
                            spec_sha256="", created_at=0))  # fmt: skip
            session.flush()
            openings.record(session, job_id=name, attempt=1, dataset_id=tickets.id)
    facts = str(opened(asking(studio, data="tickets"))["facts"])
    assert "<dd>2 times; each verdict makes a lucky result likelier</dd>" in facts
    assert "<td>2 times</td>" in stored_data.listing(studio)


def test_lengths_count_what_is_cut_and_refused(studio: User, tickets: Dataset, asking: Any) -> None:
    _, html = data_rows.show_lengths(asking(studio), f"data:{tickets.id}", "studio-nano", 12, 0, "", "classification")
    assert "<svg" in html
    assert "would be refused" in html
    assert "0 rows would be refused" not in html


def test_what_is_wrong_is_told_and_nothing_is_made(studio: User, asking: Any) -> None:
    subject = f"upload:{upload(studio, ROWS)}"
    alert, following = guarded(2)(stored_data.use_data)(
        asking(studio), subject, "", "", "", False, False, "classification", "text", "nowhere"
    )
    assert alert.count("<li>") >= 2
    assert following == gr.skip()
    assert datasets.of_user(studio) == []


def test_others_see_nothing_of_it(studio: User, tickets: Dataset, asking: Any) -> None:
    other = users.add("mallory", "a long password")
    door, subject = guarded(2), f"data:{tickets.id}"
    told = [door(stored_data.use_data)(asking(other), subject, "x", "", "", False, False, "classification")]
    told += [door(stored_data.rename)(asking(other), subject, "x"), door(stored_data.delete)(asking(other), subject)]
    told += [door(data_rows.show_row)(asking(other), subject, "studio-nano", 512, 0, "", "classification")]
    assert all("There is no dataset" in alert for alert, _ in told)
    assert "tickets" not in stored_data.listing(other)


def test_a_column_keeps_its_name_though_a_setting_has_it_too(studio: User, asking: Any) -> None:
    gap = "seed,label\n" + "some text,a\n" * 5 + ",b\n"
    alert = opened(asking(studio, upload=upload(studio, gap)))["alert"]
    assert "row 7, <b>seed</b>" in alert


def test_rows_that_can_not_be_learned_from_are_left_out_when_asked(studio: User, asking: Any) -> None:
    upload_id = upload(studio, ROWS.replace("question 7 about money", "").replace("question 8 about cards", " "))
    shown = opened(asking(studio, upload=upload_id))
    assert shown["leave_out"]["visible"]
    assert shown["leave_out"]["value"] is False
    assert shown["leave_out"]["label"] == "Leave out 2 rows that the model can't learn from, and use the other 38"
    wish = [shown["subject"], shown["name"]]
    alert, following = guarded(2)(stored_data.use_data)(
        asking(studio), *wish, "", "", False, False, "classification", "text", "category"
    )
    assert "is empty" in alert
    assert datasets.of_user(studio) == []
    alert, following = stored_data.use_data(
        asking(studio), *wish, "", "", True, False, "classification", "text", "category"
    )
    assert (alert, following) == ("", "train?data=my-tickets")
    made = datasets.get(studio, "my-tickets")
    assert made.n_rows == 38
    left_out = next(remark["message"] for remark in made.remarks if "Left out 2 rows" in remark["message"])
    reasons = "“text” is empty; “Text” needs a text · “text” contains only whitespace; “Text” needs a text."
    assert left_out == f"Left out 2 rows that a model can't learn from: {reasons}"


def test_the_heading_counts_the_same_rows_as_the_columns_do(studio: User, asking: Any) -> None:
    shown = opened(asking(studio, upload=upload(studio, "Customer service export,\n" + ROWS)))
    assert "40 of 41 rows fit." in shown["fit"]
    assert "41 rows · new file" in shown["title"]


def test_a_wrong_mapping_can_not_be_left_out(studio: User, asking: Any) -> None:
    subject = f"upload:{upload(studio, ROWS)}"
    changed = data.remap(asking(studio), subject, "", "", "classification", "text", "text")
    assert not remapped(changed)["leave_out"]["visible"]
    alert, _ = guarded(2)(stored_data.use_data)(
        asking(studio), subject, "x", "", "", True, False, "classification", "text", "text"
    )
    assert "for more than one field" in alert


def test_of_several_files_one_is_proposed_to_be_held_out(studio: User, asking: Any) -> None:
    sent = [("train.csv", ROWS), ("test.csv", "text,category\nabout money,a\nabout cards,b\n")]
    several = uploads.save_all(studio, [(name, io.BytesIO(content.encode())) for name, content in sent])
    shown = opened(asking(studio, upload=several.id))
    offered = shown["held_out_file"]
    assert offered["visible"]
    assert offered["value"] == "test.csv"
    assert offered["info"] == "“test.csv” looks like a test set."
    assert [value for _, value in offered["choices"]] == ["", "train.csv", "test.csv"]
    slots = [shown["slot0"]["value"], shown["slot1"]["value"]]
    stored_data.use_data(
        asking(studio), shown["subject"], "two", offered["value"], "", False, False, "classification", *slots
    )
    made = datasets.get(studio, "two")
    assert (made.n_rows, made.n_held_out, made.held_out_file) == (42, 2, "test.csv")
    assert "those of “test.csv”" in opened(asking(studio, data="two"))["facts"]


def test_of_one_file_nothing_is_to_be_chosen(studio: User, asking: Any) -> None:
    assert not opened(asking(studio, upload=upload(studio, ROWS)))["held_out_file"]["visible"]
