"""Every fix leaves nothing of its finding, touches nothing else, and makes a version; the old one stays."""

from __future__ import annotations

from typing import Any

import pytest

from storage.data import datasets, row_files, versions
from storage.data.health import fixing, report
from storage.data.health.check import BASE
from storage.data.health.fix import Edit, answer_fields, applied
from storage.models import Dataset, User
from templates import registry
from templates.errors import BadInput, NotFound
from tests.storage.data.health import planted
from tests.storage.data.health.planted import Plot

FLAWED = {"prompt_completion": planted.flawed_answers, "classification": planted.flawed_labels}


def stored(user: User, plot: Plot, shape: str, name: str = "rows") -> Dataset:
    """The plot as a dataset with its own split."""
    kept = registry.shape(shape)
    numbered = [(row["source_row"], {f.name: row.get(f.name) for f in kept.fields}) for row in plot.rows]
    held_out = [row["held_out"] for row in plot.rows]
    return datasets.insert(
        user,
        upload_id=None,
        source_filename="rows.jsonl",
        name=name,
        shape=shape,
        sha256=datasets.store(kept, row_files.batches(kept, numbered), held_out),
        mapping={},
        n_rows=len(held_out),
        n_held_out=sum(held_out),
        split_seed=42,
    )


def counts(user: User, name: str) -> dict[str, int]:
    found = report.of_dataset(user, name, base="studio-nano").found
    return {one.check.key: len(one.finding.rows) for one in found}


IN_EVERY_RUN = {("prompt_completion", "near_duplicates"), ("classification", "label_spelling")}
"""The others stay for the long run: all at once are mended in every run."""
CASES = [
    pytest.param(shape, key, marks=[] if (shape, key) in IN_EVERY_RUN else pytest.mark.long)
    for shape, make in FLAWED.items()
    for key in sorted(make().planted)
    if key in fixing.fixable()
]


@pytest.fixture(scope="module")
def plots() -> dict[str, Plot]:
    return {shape: make() for shape, make in FLAWED.items()}


@pytest.mark.parametrize(("shape", "key"), CASES)
def test_a_fix_leaves_nothing_of_its_finding(studio: User, plots: dict[str, Plot], shape: str, key: str) -> None:
    parent = stored(studio, plots[shape], shape)
    check = fixing.fixable()[key]
    made = fixing.fix(studio, "rows", [key], base="studio-nano" if check.needs is BASE else None)
    found = {one.check.key for one in report.of_dataset(studio, made.name, base="studio-nano").found}
    assert key not in found
    (done,) = made.fixes
    assert done["check"] == key
    assert done["n_dropped"] + done["n_changed"] > 0
    assert (made.n_rows, made.parent_id) == (parent.n_rows - done["n_dropped"], parent.id)
    assert check.fix is not None
    assert (done["n_dropped"] == 0) == check.fix.rewrites
    difference = versions.since_parent(made)
    assert difference is not None
    assert (len(difference.dropped), len(difference.changed)) == (done["n_dropped"], done["n_changed"])
    assert (difference.added, difference.moved) == ([], [])


@pytest.mark.long
@pytest.mark.slow
def test_every_kind_of_flaw_can_be_mended_at_once(studio: User, plots: dict[str, Plot]) -> None:
    parent = stored(studio, plots["prompt_completion"], "prompt_completion")
    before = datasets.rows(parent)
    keys = [one.check.key for one in report.of_dataset(studio, "rows", base="studio-nano").found if one.check.fix]
    made = fixing.fix(studio, "rows", keys, base="studio-nano")
    left = report.of_dataset(studio, made.name, base="studio-nano")
    assert [one.check.key for one in left.found if one.check.fix] == []
    assert datasets.rows(datasets.get(studio, "rows")) == before
    rewriting = [done["n_changed"] > 0 for done in made.fixes]
    assert rewriting == sorted(rewriting, reverse=True), "texts are rewritten before rows are dropped"


def test_held_out_rows_stay_when_they_overlap(studio: User, plots: dict[str, Plot]) -> None:
    stored(studio, plots["prompt_completion"], "prompt_completion")
    made = fixing.fix(studio, "rows", ["held_out_overlap", "held_out_likeness"])
    assert made.n_held_out == datasets.get(studio, "rows").n_held_out


def test_the_majority_decides_between_answers(studio: User) -> None:
    plot = planted.clean_answers(40)
    for answer in ("Yes.", "yes.", "No."):
        plot.pair(prompt="Is the shop open on Sunday?", completion=answer)
    for answer in ("Left.", "Right."):
        plot.pair(prompt="Where is the till in this shop?", completion=answer)
    stored(studio, plot, "prompt_completion")
    made = fixing.fix(studio, "rows", ["conflicting_answers"])
    answers = [row["completion"] for row in datasets.rows(made)][40:]
    assert answers == ["Yes.", "yes."]


def test_a_personal_datum_is_replaced_by_its_kind(studio: User) -> None:
    plot = planted.clean_answers(40)
    plot.pair(prompt="Write to ann@example.org or charge 4111 1111 1111 1111 today.", completion="To bob@example.org.")
    stored(studio, plot, "prompt_completion")
    row = datasets.rows(fixing.fix(studio, "rows", ["personal_data"]))[40]
    assert row["prompt"] == "Write to [e-mail] or charge [card number] today."
    assert row["completion"] == "To [e-mail]."


def test_only_assistant_turns_of_a_conversation_are_answers() -> None:
    turns = [{"role": "user", "content": " a "}, {"role": "assistant", "content": " b "}]
    row: dict[str, Any] = {"messages": turns, "held_out": False, "source_row": 2}
    edited = applied(registry.shape("messages"), [row], Edit(answers=str.strip))
    assert [turn["content"] for turn in edited.rows[0]["messages"]] == [" a ", "b"]
    assert row["messages"] == turns
    assert answer_fields(registry.shape("prompt_completion")) == {"completion"}
    assert answer_fields(registry.shape("classification")) == {"label"}
    assert answer_fields(registry.shape("text")) == frozenset()


def test_what_can_not_be_mended_is_refused_and_nothing_is_made(studio: User) -> None:
    plot = planted.clean_answers(40)
    plot.pair(completion=" spaced ")
    stored(studio, plot, "prompt_completion")
    for keys, said in (
        (["nonsense", "label_balance"], "“nonsense”, “label_balance” can't be fixed"),
        (["too_long"], "needs a base model"),
        ([], "none is named"),
        (["refusals"], "These fixes change nothing in “rows”"),
    ):
        with pytest.raises(BadInput, match=said):
            fixing.fix(studio, "rows", keys)
    with pytest.raises(NotFound):
        fixing.fix(studio, "others", ["edge_spaces"])
    assert len(datasets.of_user(studio)) == 1


def test_a_fix_that_would_leave_no_rows_is_refused(studio: User) -> None:
    plot = Plot(4)
    for i in range(40):
        plot.pair(held_out=i % 5 == 0, completion="It depends on the weather.")
    stored(studio, plot, "prompt_completion")
    with pytest.raises(BadInput, match="No training and no held-out row would be left") as caught:
        fixing.fix(studio, "rows", ["boilerplate_answers"])
    assert caught.value.code == "nothing_left"
    assert len(datasets.of_user(studio)) == 1
