"""The health report: planted flaws are found, clean rows are left in peace, and what it all comes to."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.data import datasets, uploads
from storage.data.health import report, table
from storage.data.health.check import BASE, N_EXAMPLES, SHOWN
from storage.data.rows import lengths
from storage.data.rows.rows import Rows
from storage.models import User
from storage.rendering.renderer import Renderer
from templates import registry
from templates.errors import NotFound
from tests.storage.data.health import planted
from tests.storage.data.health.planted import Plot

SHARED_DATA = Path(__file__).parents[5] / "shared" / "data"
CONTEXT_LENGTH = 512
RECALL = 0.95


def read(plot: Plot, shape: str, renderer: Renderer | None = None) -> Rows:
    chosen = registry.shape(shape)
    measured = None
    if renderer:
        measured = lengths.measure(renderer, chosen, plot.rows, base="studio-nano", context_length=CONTEXT_LENGTH)
    return Rows.of(chosen, plot.rows, measured)


@pytest.fixture(scope="module")
def renderer(nano_folder: Path) -> Renderer:
    return Renderer(nano_folder)


def test_every_check_says_why_and_from_where() -> None:
    assert len(report.checks()) >= 12
    for key, check in report.checks().items():
        assert check.key == key
        assert check.page
        for text in (check.title, check.why, check.source, check.unlearned):
            assert text
            assert "\n" not in text


@pytest.mark.parametrize(
    ("make", "shape"), [("flawed_answers", "prompt_completion"), ("flawed_labels", "classification")]
)
def test_planted_flaws_are_found(make: str, shape: str, renderer: Renderer) -> None:
    plot: Plot = getattr(planted, make)()
    found = report.examine(read(plot, shape, renderer), "planted").found
    rows = {one.check.key: set(one.finding.rows) for one in found}
    assert set(rows) == set(plot.planted)
    for kind, wanted in sorted(plot.planted.items()):
        recall, others = len(rows[kind] & wanted) / len(wanted), rows[kind] - wanted
        print(f"{kind:20} planted {len(wanted):3}  recall {recall:.2f}  others {len(others)}")
        assert recall >= RECALL, kind
        assert not others, kind
    for one in found:
        assert 0 < one.finding.share <= 1
        assert len(one.finding.examples) == min(N_EXAMPLES, len(one.finding.rows))
        assert all(len(example.text) <= SHOWN for example in one.finding.examples)


@pytest.mark.parametrize(
    ("make", "shape"), [("clean_answers", "prompt_completion"), ("clean_labels", "classification")]
)
def test_clean_rows_are_ready(make: str, shape: str, renderer: Renderer) -> None:
    found = report.examine(read(getattr(planted, make)(), shape, renderer), "clean")
    assert [one.check.key for one in found.found] == []
    assert (found.outcome, found.unlearned) == ("ready", None)
    assert len(found.clean) == sum(check.needs in (None, BASE) for check in report.checks().values())
    assert (found.baseline is not None) == (shape == "classification")


def test_the_outcome_weighs_what_was_found() -> None:
    plot = planted.clean_answers()
    plot.pair(completion="I'm sorry, but I can't help with that one.")
    noted = report.examine(read(plot, "prompt_completion"), "d")
    assert (noted.outcome, [one.level for one in noted.found]) == ("ready", ["note"])
    assert "beyond a note" in noted.why
    plot.pair(prompt=f"Write to {planted.email(plot.writer)}.")
    warned = report.examine(read(plot, "prompt_completion"), "d")
    assert warned.outcome == "ready with warnings"
    assert "1 row contains personal data" in warned.why
    for row in [row for row in plot.rows if not row["held_out"]][:20]:
        plot.pair(held_out=True, prompt=row["prompt"], completion=row["completion"])
    misled = report.examine(read(plot, "prompt_completion"), "d")
    assert misled.outcome == "would mislead you"
    assert [one.level for one in misled.found] == ["misleading", "warning", "note"]
    assert misled.why == "Would mislead you: 20 held-out rows have the prompt of a training row."
    assert misled.unlearned is not None
    assert "beyond memory" in misled.unlearned


def test_all_answers_alike_mislead() -> None:
    plot = planted.clean_labels(40)
    for row in plot.rows:
        row["label"] = "yes"
    found = report.examine(read(plot, "classification"), "d")
    assert [one.check.key for one in found.at("misleading")] == ["boilerplate_answers"]
    assert "nothing to distinguish" in found.why


def test_a_sentence_for_many_phrasings_of_a_question_is_no_boilerplate() -> None:
    plot = planted.clean_answers(200)
    answers = [plot.writer.sentence() for _ in range(3)]
    topics = ["printing", "parking", "打印"]
    for i in range(30):
        prompt = f"{plot.writer.sentence(5)} {topics[i % 3]} {plot.writer.sentence(5)}"
        plot.pair(prompt=prompt, completion=answers[i % 3])
    assert report.examine(read(plot, "prompt_completion"), "d").found == ()


def test_labels_that_no_shape_declares_are_labels_still() -> None:
    plot = planted.clean_labels()
    rows = [{**row, "prompt": row["text"], "completion": row["label"]} for row in plot.rows]
    found = report.examine(Rows.of(registry.shape("prompt_completion"), rows), "d")
    assert found.found == ()
    assert found.baseline is not None
    assert found.baseline.n_labels == len(planted.LABELS)


def test_conversations_and_plain_texts_are_read() -> None:
    plot = planted.clean_answers(60)
    refusing = [{"role": "user", "content": "hm?"}, {"role": "assistant", "content": "I cannot help with that."}]
    turns = [
        {
            **row,
            "messages": [
                *(refusing if i == 7 else []),
                {"role": "user", "content": row["prompt"]},
                {"role": "assistant", "content": row["completion"]},
            ],
        }
        for i, row in enumerate(plot.rows)
    ]
    found = report.examine(Rows.of(registry.shape("messages"), turns), "d").found
    assert [(one.check.key, one.finding.rows) for one in found] == [("refusals", (9,))]
    texts = [{**row, "text": row["prompt"]} for row in plot.rows]
    texts.append({"text": texts[3]["text"], "held_out": False, "source_row": 99})
    found = report.examine(Rows.of(registry.shape("text"), texts), "d").found
    assert [(one.check.key, one.finding.rows) for one in found] == [("exact_duplicates", (99,))]


def test_lengths_are_those_of_training(renderer: Renderer) -> None:
    from storage.rendering import rendered_rows

    plot = planted.flawed_answers(4)
    plot.pair(prompt=" ".join(plot.writer.sentence() for _ in range(80)))
    shape = registry.shape("prompt_completion")
    ours = lengths.measure(renderer, shape, plot.rows, base="studio-nano", context_length=CONTEXT_LENGTH)
    for side, held_out in ((ours.training, False), (ours.held_out, True)):
        rows = [row for row in plot.rows if row["held_out"] is held_out]
        theirs = rendered_rows.measure(renderer, shape.key, rows, max_length=CONTEXT_LENGTH, trains_prompt=False)
        assert (side.n_rows, side.n_truncated, side.n_refused) == (len(rows), theirs.n_truncated, theirs.n_refused)
    assert ours.training.n_truncated == 4
    assert ours.training.n_refused == 1
    prompt, answer, whole = ours.parts
    assert prompt.n_tokens + answer.n_tokens == whole.n_tokens
    assert whole.longest > CONTEXT_LENGTH
    assert all(sum(n for _, n in part.histogram) == len(plot.rows) for part in ours.parts)


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the shared sample data is not on this machine")
@pytest.mark.long
def test_banking77_is_reported_as_a_reader_would(studio: User) -> None:
    with (SHARED_DATA / "banking77" / "train.csv").open("rb") as stream:
        datasets.add(studio, uploads.save(studio, "train.csv", stream), name="banking77")
    began = time.process_time()
    found = report.of_dataset(studio, "banking77")
    print(f"{time.process_time() - began:.1f} s of CPU time", *table.lines(found), sep="\n")
    (alike,) = found.found  # none of them across the split: they were kept on one side of it
    assert alike.check.key == "near_duplicates"
    assert len(alike.finding.rows) == 616
    assert found.outcome == "ready with warnings"
    assert report.checks()["too_long"].title not in found.clean
    assert report.of_dataset(studio, "banking77") is found


def test_only_ones_own_datasets_are_reported(studio: User) -> None:
    with pytest.raises(NotFound):
        report.of_dataset(studio, "unknown")


TEXTS = st.text(max_size=80) | st.sampled_from(
    ["", " ", "{", "[1", "NaN", "{}", "N/A", "\ud800", "@", "<|x|>", "١" * 16]
)


def _values(shape: str, texts: tuple[str, str, str]) -> dict[str, Any]:
    first, second, third = texts
    return {
        "text": {"text": first},
        "classification": {"text": first, "label": second},
        "prompt_completion": {"prompt": first, "completion": second, "system": third or None},
        "messages": {
            "messages": [
                {"role": "system", "content": third},
                {"role": "user", "content": first},
                {"role": "assistant", "content": second},
                {"role": "user", "content": first},
            ][bool(third) - 1 :]
        },
    }[shape]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["text", "classification", "prompt_completion", "messages"]),
    st.lists(st.tuples(st.tuples(TEXTS, TEXTS, TEXTS), st.booleans()), max_size=12),
)
def test_no_text_makes_a_check_raise(shape: str, drawn: list[tuple[tuple[str, str, str], bool]]) -> None:
    values = [{**_values(shape, texts), "held_out": held} for texts, held in drawn]
    found = report.examine(Rows.of(registry.shape(shape), values), "any")
    assert found.outcome in ("ready", "ready with warnings", "would mislead you")
    assert all(isinstance(line, str) for line in table.lines(found))
    for one in found.found:
        assert set(one.finding.rows) <= set(range(1, len(values) + 1))
        assert 0 < one.finding.share <= 1
