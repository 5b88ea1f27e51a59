"""Datasets of judged answers: stored whole, given back whole, checked, mended, planned for, and refused in words."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.bases import base_models
from storage.data import datasets, row_export, uploads, versions
from storage.data.health import fixing, report
from storage.models import Dataset, User
from storage.planning import evaluations, training
from storage.rendering.renderer import Renderer
from templates.errors import BadInput
from tests.storage.data.health.planted import Writer
from tests.storage.rendering.tool_talk import call, tool

Rows = list[dict[str, Any]]
FIELDS = {
    "preference": ("prompt", "chosen", "rejected", "tools"),
    "unpaired_preference": ("prompt", "completion", "label"),
}


def added(user: User, rows: Sequence[dict[str, Any]], name: str = "pairs", **choices: Any) -> Dataset:
    lines = "\n".join(json.dumps(row) for row in rows)
    return datasets.add(user, uploads.save(user, f"{name}.jsonl", io.BytesIO(lines.encode())), name=name, **choices)


def bare(dataset: Dataset) -> Rows:
    fields = FIELDS[dataset.shape]
    return [{name: row[name] for name in fields if row.get(name) is not None} for row in datasets.rows(dataset)]


def pairs(n_rows: int = 40) -> Rows:
    writer = Writer(5)
    return [
        {"prompt": writer.sentence(), "chosen": writer.sentence(12), "rejected": writer.sentence(12)}
        for _ in range(n_rows)
    ]


def judged(n_rows: int = 40) -> Rows:
    writer = Writer(6)
    return [
        {"prompt": writer.sentence(), "completion": writer.sentence(12), "label": i % 2 == 0} for i in range(n_rows)
    ]


letters = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n"), min_size=1, max_size=40)
misleading = st.sampled_from(("\n\nHuman: a\n\nAssistant: b", "Assistant: c", "[1, 2]", '{"role": "user"}', "true"))
texts = letters.filter(lambda text: bool(text.strip())) | misleading
turns = st.builds(lambda role, text: {"role": role, "content": text}, st.sampled_from(("user", "assistant")), texts)


@st.composite
def prompts(draw: st.DrawFn) -> list[dict[str, Any]]:
    opening = draw(st.sampled_from(([], [{"role": "system", "content": "Be brief."}])))
    return [*opening, *draw(st.lists(turns, max_size=3)), {"role": "user", "content": draw(texts)}]


answers = st.tuples(texts, texts).filter(lambda two: two[0].strip() != two[1].strip())
pair = st.builds(lambda prompt, two: {"prompt": prompt, "chosen": two[0], "rejected": two[1]}, prompts(), answers)
single = st.builds(
    lambda prompt, answer, label: {"prompt": prompt, "completion": answer, "label": label},
    prompts(),
    texts,
    st.booleans(),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.one_of(st.lists(pair, min_size=2, max_size=5), st.lists(single, min_size=2, max_size=5)))
def test_an_export_goes_in_again_as_the_same_rows(studio: User, rows: Rows) -> None:
    shape = "preference" if "chosen" in rows[0] else "unpaired_preference"
    made = added(studio, rows, "first", shape=shape)
    assert bare(made) == rows
    for kind in row_export.MEDIA:
        if kind == "csv" and any(str(cell).startswith(row_export._FORMULA) for row in rows for cell in row.values()):
            continue  # such a cell gets an apostrophe, and keeps it
        file = io.BytesIO(b"".join(row_export.chunks(made, kind)))
        again = datasets.add(studio, uploads.save(studio, f"again.{kind}", file), name=f"again-{kind}")
        assert (again.shape, bare(again)) == (shape, rows), kind
        datasets.delete(studio, again.name)
    datasets.delete(studio, made.name)


def test_prompts_with_calls_are_kept_with_their_tools(studio: User) -> None:
    asked = [
        {"role": "user", "content": "Where is Bern?"},
        {"role": "assistant", "content": None, "tool_calls": [call("Bern")]},
        {"role": "tool", "content": "46.9 N"},
    ]
    rows = [{"prompt": asked, "chosen": f"North {i}.", "rejected": "No idea.", "tools": [tool()]} for i in range(4)]
    made = added(studio, rows)
    assert bare(made) == rows
    first = json.loads(next(row_export.chunks(made, "jsonl")))
    assert first["prompt"][1]["tool_calls"][0]["function"]["arguments"] == '{"town": "Bern"}'
    file = io.BytesIO(b"".join(row_export.chunks(made, "parquet")))
    assert bare(datasets.add(studio, uploads.save(studio, "again.parquet", file), name="again")) == rows


def test_rows_that_can_t_be_learned_from_are_left_out_when_asked(studio: User) -> None:
    rows = pairs(12)
    rows[3]["rejected"] = rows[3]["chosen"]
    with pytest.raises(BadInput, match=r"row 4.*“rejected”.*is the same answer as “chosen”.*leave out the row"):
        added(studio, rows)
    made = added(studio, rows, leave_out_refused=True)
    assert [row["source_row"] for row in datasets.rows(made)] == [i for i in range(1, 13) if i != 4]
    assert made.remarks[0]["rows"] == [4]


def test_the_only_answer_that_is_learned_is_the_last(nano_folder: Path) -> None:
    asked = [
        {"role": "user", "content": "a?"},
        {"role": "assistant", "content": "unvetted"},
        {"role": "user", "content": "b?"},
    ]
    made = Renderer(nano_folder).row("preference", {"prompt": asked, "chosen": "the chosen", "rejected": "no"})
    learned = "".join(piece.text for piece in made.pieces if piece.trained)
    assert "the chosen" in learned
    assert "unvetted" not in learned
    assert "unvetted" in "".join(piece.text for piece in made.pieces)


def test_rows_of_one_prompt_are_on_one_side(studio: User) -> None:
    rows = [{**row, "chosen": f"{row['chosen']} {again}"} for row in pairs(30) for again in range(2)]
    held_out: dict[str, set[bool]] = {}
    for row in datasets.rows(added(studio, rows)):
        held_out.setdefault(row["prompt"][0]["content"], set()).add(row["held_out"])
    assert len(held_out) == 30
    assert all(len(sides) == 1 for sides in held_out.values())


def test_what_was_chosen_once_is_remembered(studio: User) -> None:
    rows = [{"q": r["prompt"], "good": r["chosen"], "bad": r["rejected"]} for r in pairs(8)]
    mapping = {"prompt": "q", "chosen": "good", "rejected": "bad"}
    first = added(studio, rows, mapping=mapping)
    assert first.shape == "preference"
    assert (added(studio, rows, "next").shape, added(studio, rows, "third").mapping) == ("preference", mapping)


def test_chosen_answers_can_be_learned_and_single_judgements_by_kto(studio: User) -> None:
    added(studio, pairs())
    planned = training.plan(studio, base="studio-nano", dataset="pairs", objective="sft", method="lora")
    assert (planned.lengths.n_refused, planned.lengths.n_rows) == (0, 36)
    added(studio, judged(), "judged")
    with pytest.raises(BadInput, match=r"“judged” holds unpaired_preference\. Choose kto"):
        training.plan(studio, base="studio-nano", dataset="judged", objective="sft", method="lora")
    planned = training.plan(studio, base="studio-nano", dataset="judged", objective="kto", method="lora")
    assert (planned.lengths.n_refused, planned.lengths.n_rows) == (0, 36)


@pytest.mark.parametrize("rows", [pairs(), judged()], ids=["pairs", "judged"])
def test_every_check_reads_them_and_a_mended_version_is_like_the_first(studio: User, rows: Rows) -> None:
    good = next(name for name in ("chosen", "completion") if name in rows[0])
    rows[2][good] = f" {rows[2][good]}\n"
    rows[4]["prompt"] += " Write to a.person@example.org."
    made = added(studio, [*rows, rows[7]])
    found = report.of_dataset(studio, made.name, base=base_models.of_user(studio)[0].name)
    assert {"personal_data", "edge_spaces", "exact_duplicates"} <= {one.check.key for one in found.found}
    mended = fixing.fix(studio, made.name, ["personal_data", "edge_spaces", "exact_duplicates"])
    difference = versions.since_parent(mended)
    assert difference is not None
    assert [one.row for one in difference.changed] == [3, 5]
    assert [row["source_row"] for row in difference.dropped] == [len(rows) + 1]
    after = {row["source_row"]: row for row in datasets.rows(mended)}
    assert after[3][good] == rows[2][good].strip()
    assert after[5]["prompt"][0]["content"].endswith("Write to [e-mail].")


def test_models_are_scored_on_chosen_answers_and_on_no_bad_ones(studio: User) -> None:
    added(studio, pairs())
    assert evaluations.submit(studio, models=["studio-nano"], dataset="pairs").kind == "evaluate"
    added(studio, judged(), "judged")
    with pytest.raises(BadInput, match=r"“judged” holds unpaired_preference: some of its answers are bad"):
        evaluations.submit(studio, models=["studio-nano"], dataset="judged")
