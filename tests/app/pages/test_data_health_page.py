"""The page's report, its fixes and versions."""

from __future__ import annotations

import io
from typing import Any

import pytest

from app.pages import data_health
from storage.data import datasets, uploads
from storage.models import Dataset, User

LABELS = ("arrival", "lost")


@pytest.fixture
def cards(studio: User) -> Dataset:
    rows = [f"where is my {LABELS[i % 2]} parcel number {i}?,{LABELS[i % 2]}" for i in range(60)]
    rows += ["<b>where</b> is it then my friend?,Lost", *[rows[0]] * 3]
    file = io.BytesIO("\n".join(["text,label", *rows]).encode())
    return datasets.add(studio, uploads.save(studio, "cards.csv", file), name="cards")


def test_the_report_names_findings_with_shares_and_offers_their_fixes(
    studio: User, cards: Dataset, asking: Any
) -> None:
    _, outcome, html, fixes, mend, lines = data_health.show(asking(studio), f"data:{cards.id}")
    assert data_health.first_tab(f"data:{cards.id}").selected == data_health.TAB
    assert "ready with warnings" in outcome
    assert "What a model can't learn from this data" in outcome
    assert "Exact duplicates" in html
    assert "of 64 rows" in html
    assert "Labels" in html
    assert "<b>where" not in html
    keys = {key for _, key in fixes["choices"]}
    assert {"exact_duplicates", "label_spelling"} <= keys
    assert "label_spelling" in fixes["value"]
    assert fixes["visible"]
    assert mend["visible"]
    assert "cards.csv" in lines
    assert "this one" in lines
    assert f"api/v1/data/{cards.id}/export?format=csv" in lines


def test_mending_leads_to_the_new_version_and_shows_what_was_done(studio: User, cards: Dataset, asking: Any) -> None:
    alert, following = data_health.mend(asking(studio), f"data:{cards.id}", ["label_spelling", "exact_duplicates"])
    assert (alert, following) == ("", "data?data=cards-v2")
    made = datasets.get(studio, "cards-v2")
    *_, lines = data_health.show(asking(studio), f"data:{made.id}")
    assert "Spelling of labels — use the most frequent spelling of each: 1 changed" in lines
    assert "What changed since “cards”" in lines
    assert '<a href="data?data=cards">cards</a>' in lines
    *_, lines = data_health.show(asking(studio), f"data:{cards.id}")
    assert '<a href="data?data=cards-v2">cards-v2</a>' in lines


def test_words_are_looked_for_and_the_version_says_for_which_rows_went(
    studio: User, cards: Dataset, asking: Any
) -> None:
    subject = f"data:{cards.id}"
    named = "# names\nMY FRIEND\n\n<b>where</b>"
    _, _, html, fixes, *_ = data_health.show(asking(studio), subject, "", named)
    assert "1 row contains words from your list: “&lt;b&gt;where&lt;/b&gt;” in 1, “MY FRIEND” in 1" in html
    assert "listed_words" in fixes["value"]
    assert "Words from your list" not in data_health.show(asking(studio), subject, "", " \n ")[2]
    data_health.mend(asking(studio), subject, ["listed_words"], None, named)
    *_, lines = data_health.show(asking(studio), f"data:{datasets.get(studio, 'cards-v2').id}")
    done = "Words from your list — drop the rows: 1 dropped, for “&lt;b&gt;where&lt;/b&gt;”, “MY FRIEND”"
    assert done in lines


def test_words_that_can_not_be_used_are_said_with_their_line(studio: User, cards: Dataset, asking: Any) -> None:
    from templates.errors import BadInput

    with pytest.raises(BadInput, match="row 2, field “words”: has 101 characters"):
        data_health.show(asking(studio), f"data:{cards.id}", "", "fine\n" + "x" * 101)


def test_only_a_dataset_can_be_looked_through(studio: User, cards: Dataset, asking: Any) -> None:
    against, *of_words = data_health.choices(asking(studio), f"data:{cards.id}")
    assert not against["visible"]
    assert all(one["visible"] for one in of_words)
    shown = data_health.choices(asking(studio), "upload:1")
    assert not any(one["visible"] for one in shown)


def test_a_fresh_file_has_no_report_yet(studio: User, asking: Any) -> None:
    _, outcome, findings, fixes, mend, _ = data_health.show(asking(studio), "upload:1")
    assert (outcome, findings) == (data_health.NEW_FILE, "")
    assert not fixes["visible"]
    assert not mend["visible"]


def test_nothing_ticked_is_said(studio: User, cards: Dataset, asking: Any) -> None:
    from templates.errors import BadInput

    with pytest.raises(BadInput, match="none is named"):
        data_health.mend(asking(studio), f"data:{cards.id}", [])


def test_blanks_at_the_edges_can_be_seen_and_empty_fields_are_left_out(studio: User, asking: Any) -> None:
    rows = [f"question {i} about parcels,answer {i} is {i * i}" for i in range(40)]
    rows[3] = 'question 3 about parcels," answer 3\n"'
    file = io.BytesIO("\n".join(["prompt,completion", *rows, rows[5]]).encode())
    datasets.add(studio, uploads.save(studio, "a.csv", file), name="answers")
    data_health.mend(asking(studio), f"data:{datasets.get(studio, 'answers').id}", ["edge_spaces", "exact_duplicates"])
    *_, lines = data_health.show(asking(studio), f"data:{datasets.get(studio, 'answers-v2').id}")
    assert ">␣answer 3↵<" in lines
    assert ">answer 3<" in lines
    assert "System prompt" not in lines
