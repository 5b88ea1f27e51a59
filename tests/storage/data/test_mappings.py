"""What was chosen for a file is the first choice for the next one of the same columns, and says so."""

from __future__ import annotations

import io
import json
import re

import pytest

from storage import db, users
from storage.data import datasets, mappings, uploads, versions
from storage.models import Dataset, Upload, User

HEAD = ("id", "customer", "agent", "team")
MINE = {"prompt": "customer", "completion": "agent"}


def export(n_rows: int, head: tuple[str, ...] = HEAD, first: int = 0) -> str:
    """Tickets, whose columns are called like nothing that is known."""
    cells = {
        "id": "{}",
        "customer": "Where is parcel {}?",
        "agent": "Parcel {} is with the carrier.",
        "team": "post",
        "note": "",
    }
    rows = [",".join(cells[name].format(first + i) for name in head) for i in range(n_rows)]
    return "\n".join([",".join(head), *rows])


def uploaded(user: User, content: str, filename: str = "november.csv") -> Upload:
    return uploads.save(user, filename, io.BytesIO(content.encode()))


@pytest.fixture
def october(studio: User) -> Dataset:
    """A dataset for which the columns were chosen by hand."""
    return datasets.add(studio, uploaded(studio, export(30), "october.csv"), name="october", mapping=MINE)


def test_the_next_file_of_the_same_columns_is_read_alike_and_it_is_said(studio: User, october: Dataset) -> None:
    seen = datasets.preview(studio, uploaded(studio, export(20, first=500)))
    assert (seen.shape, seen.mapping, seen.problems) == ("prompt_completion", MINE, [])
    assert seen.choice.came_from == "remembered"
    assert not seen.choice.is_guess
    assert re.fullmatch(
        r"As for “october” on \d{4}-\d\d-\d\d: prompt_completion, prompt ← customer, completion ← agent, "
        r"because the file has the same columns\. The guess is: prompt_completion, no columns\.",
        seen.remarks[0].message,
    )
    made = datasets.add(studio, uploaded(studio, export(20, first=500)), name="november")
    assert (made.shape, made.mapping) == ("prompt_completion", MINE)
    assert made.remarks[0]["message"] == seen.remarks[0].message


def test_neither_order_nor_format_matters(studio: User, october: Dataset) -> None:
    turned = datasets.preview(studio, uploaded(studio, export(20, HEAD[::-1])))
    lines = [dict(zip(HEAD, (str(i), "Where?", "Here.", "post"), strict=True)) for i in range(9)]
    other = datasets.preview(studio, uploaded(studio, "\n".join(map(json.dumps, lines)), "november.jsonl"))
    assert [turned.mapping, other.mapping] == [MINE, MINE]
    assert len({mappings.header(seen.look) for seen in (turned, other)} | {october.header}) == 1


@pytest.mark.parametrize("head", [HEAD[:3], (*HEAD, "note"), ("id", "customer", "note", "team")])
def test_other_columns_are_guessed(studio: User, october: Dataset, head: tuple[str, ...]) -> None:
    seen = datasets.preview(studio, uploaded(studio, export(20, head)))
    assert seen.choice.remembered is None
    assert seen.choice.came_from == "guess"


def test_what_is_chosen_now_goes_before_what_is_remembered(studio: User, october: Dataset) -> None:
    upload = uploaded(studio, export(20))
    by_shape = datasets.preview(studio, upload, shape="text")
    by_column = datasets.preview(studio, upload, mapping={"prompt": "team", "completion": "customer"})
    assert (by_shape.shape, by_shape.mapping) == ("text", {})
    assert by_column.mapping == {"prompt": "team", "completion": "customer"}
    for seen in (by_shape, by_column):
        assert seen.choice.came_from == "given"
        assert seen.choice.remembered is not None, "it can still be offered"
        assert not any("As for" in remark.message for remark in seen.remarks)


def test_a_guess_can_be_asked_for(studio: User, october: Dataset) -> None:
    seen = datasets.preview(studio, uploaded(studio, export(20)), guess_anew=True)
    assert (seen.mapping, seen.choice.came_from, seen.choice.is_guess) == ({}, "guess", True)
    assert seen.choice.remembered is not None
    labelled = "text,label\n" + "".join(f"text {i},{'ab'[i % 2]}\n" for i in range(20))
    datasets.add(
        studio,
        uploaded(studio, labelled),
        name="answers",
        shape="prompt_completion",
        mapping={"prompt": "text", "completion": "label"},
    )
    assert datasets.add(studio, uploaded(studio, labelled), name="as-before").shape == "prompt_completion"
    assert datasets.add(studio, uploaded(studio, labelled), name="anew", guess_anew=True).shape == "classification"


def test_what_equals_the_guess_needs_no_remark(studio: User) -> None:
    labelled = "text,label\n" + "".join(f"text {i},{'ab'[i % 2]}\n" for i in range(20))
    datasets.add(studio, uploaded(studio, labelled), name="first")
    seen = datasets.preview(studio, uploaded(studio, labelled.replace("text 1", "word 1")))
    assert seen.choice.remembered is not None
    assert seen.choice.remembered.dataset == "first"
    assert seen.choice.is_guess
    assert not any("As for" in remark.message for remark in seen.remarks)
    assert seen.choice.fields[0].reason == "The column is called “text”."


def test_the_latest_counts_and_a_deleted_one_counts_no_more(studio: User, october: Dataset) -> None:
    other = {"prompt": "agent", "completion": "customer"}
    datasets.add(studio, uploaded(studio, export(25)), name="turned", mapping=other)
    upload = uploaded(studio, export(20))
    assert datasets.preview(studio, upload).mapping == other
    datasets.delete(studio, "turned")
    assert datasets.preview(studio, upload).mapping == MINE
    datasets.delete(studio, "october")
    assert datasets.preview(studio, upload).choice.remembered is None


def test_a_mended_version_keeps_what_is_remembered(studio: User, october: Dataset) -> None:
    versions.derive(studio, october, datasets.rows(october)[1:], [])
    datasets.delete(studio, "october")
    remembered = datasets.preview(studio, uploaded(studio, export(20))).choice.remembered
    assert remembered is not None
    assert (remembered.dataset, remembered.mapping) == ("october-v2", MINE)


def test_nobody_elses_choices_are_offered(studio: User, october: Dataset) -> None:
    other = users.add("bob", "long enough password")
    assert datasets.preview(other, uploaded(other, export(20))).choice.remembered is None


def test_an_optional_field_that_was_left_open_stays_open(studio: User) -> None:
    rows = "system,prompt,completion\n" + "".join(f"be brief,question {i},answer {i}\n" for i in range(20))
    upload = uploaded(studio, rows)
    assert "system" in datasets.preview(studio, upload).mapping
    datasets.add(studio, upload, name="plain", mapping={"system": ""})
    seen = datasets.preview(studio, upload)
    assert seen.mapping == {"prompt": "prompt", "completion": "completion"}
    assert seen.choice.fields[2].reason.startswith("As for “plain” on ")
    assert seen.choice.fields[2].reason.endswith("The guess is “system”.")
    assert seen.choice.unused == ["system"]


@pytest.mark.parametrize(
    ("shape", "mapping"),
    [
        ("no_such_shape", MINE),
        ("prompt_completion", {**MINE, "completion": "gone"}),
        ("prompt_completion", {"prompt": "customer"}),
        ("messages", {"messages": "customer"}),
    ],
)
def test_what_does_not_fit_any_more_is_not_offered(
    studio: User, october: Dataset, shape: str, mapping: dict[str, str]
) -> None:
    with db.writing() as session:
        row = session.get_one(Dataset, october.id)
        row.shape, row.mapping = shape, mapping
    seen = datasets.preview(studio, uploaded(studio, export(20)))
    assert seen.choice.remembered is None
    assert seen.choice.came_from == "guess"


def test_a_required_column_that_is_empty_this_time_is_not_taken(studio: User, october: Dataset) -> None:
    silent = "\n".join([",".join(HEAD), *(f"{i},Where is parcel {i}?,,post" for i in range(20))])
    assert datasets.preview(studio, uploaded(studio, silent)).choice.remembered is None


def test_an_earlier_one_that_fits_is_offered_where_the_latest_does_not(studio: User, october: Dataset) -> None:
    broken = datasets.add(studio, uploaded(studio, export(25)), name="broken", mapping=MINE)
    with db.writing() as session:
        session.get_one(Dataset, broken.id).shape = "no_such_shape"
    remembered = datasets.preview(studio, uploaded(studio, export(20))).choice.remembered
    assert remembered is not None
    assert remembered.dataset == "october"


def test_every_field_has_a_reason_and_values_of_its_column(studio: User) -> None:
    alpaca = "instruction,input,output,source\n" + "".join(f"Translate,cat {i},chat {i},book\n" for i in range(5))
    seen = datasets.preview(studio, uploaded(studio, alpaca))
    prompt, answer, system = seen.choice.fields
    assert (prompt.column, prompt.columns) == ("instruction + input", ["instruction", "input"])
    assert prompt.samples == ["instruction: Translate", "input: cat 0"]
    assert (answer.required, answer.samples) == (True, ["chat 0", "chat 1", "chat 2"])
    assert (system.required, system.column, system.came_from) == (False, None, None)
    assert seen.choice.unused == ["source"]
    changed = datasets.preview(studio, uploaded(studio, alpaca), mapping={"completion": "source"})
    assert [one.came_from for one in changed.choice.fields] == ["guess", "given", None]
    assert changed.choice.fields[1].reason == "Your choice. The guess is “output”."
    assert changed.choice.unused == ["output"]
