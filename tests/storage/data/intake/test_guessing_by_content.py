"""Files that no English column name explains: what their values and other languages say, and what is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from storage.data import drafts, intake
from tests.storage.data.intake.test_guessing import looked_at

TEXT = "a longer text with number {i}"


def many(n_rows: int = 30, **columns: str) -> list[dict[str, Any]]:
    """Rows of texts with `{i}`, `{few}` of three, `{two}` of two, and what else tables hold."""
    return [
        {
            name: form.format(
                i=i,
                few=i % 3,
                two=i % 2,
                yes=("true", "false")[i % 2],
                language=("en", "de", "fr")[i % 3],
                side=("train", "test")[i % 5 == 0],
                date=f"2024-01-{i % 28 + 1:02d}",
                country=("Spain", "Peru", "Chile")[i % 3],
            )
            for name, form in columns.items()
        }
        for i in range(n_rows)
    ]


@pytest.mark.parametrize(
    ("rows", "shape", "mapping"),
    [
        (many(Frage=TEXT, Antwort=TEXT), "prompt_completion", {"prompt": "Frage", "completion": "Antwort"}),
        (
            many(id="{i}", QUESTION=TEXT, réponse=TEXT),
            "prompt_completion",
            {"prompt": "QUESTION", "completion": "réponse"},
        ),
        (many(pregunta=TEXT, respuesta=TEXT), "prompt_completion", {"prompt": "pregunta", "completion": "respuesta"}),
        (many(问题="问题{i}", 回答="回答{i}"), "prompt_completion", {"prompt": "问题", "completion": "回答"}),
        (
            many(Betreff=TEXT, Text=TEXT, Kategorie="k{few}"),
            "classification",
            {"text": "Betreff + Text", "label": "Kategorie"},
        ),
        (
            many(instrucción=TEXT, entrada=TEXT, salida=TEXT),
            "prompt_completion",
            {"prompt": "instrucción + entrada", "completion": "salida"},
        ),
        (
            many(instruction=TEXT, context=TEXT, response=TEXT, category="c{few}"),
            "prompt_completion",
            {"prompt": "instruction + context", "completion": "response"},
        ),
        (
            many(instruction=TEXT, input=TEXT, output=TEXT, category="c{few}"),
            "prompt_completion",
            {"prompt": "instruction + input", "completion": "output"},
        ),
        (
            many(subject=TEXT, body=TEXT, answer=TEXT, queue="q{few}"),
            "prompt_completion",
            {"prompt": "subject + body", "completion": "answer"},
        ),
        (
            many(subject=TEXT, body=TEXT, colour="c{few}"),
            "classification",
            {"text": "subject + body", "label": "colour"},
        ),
        (many(subject=TEXT, body=TEXT), "text", {"text": "subject + body"}),
        (many(body=TEXT, reply=TEXT), "prompt_completion", {"prompt": "body", "completion": "reply"}),
        (
            many(id="{i}", ticket=TEXT, agentReply=TEXT),
            "prompt_completion",
            {"prompt": "ticket", "completion": "agentReply"},
        ),
        (many(article=TEXT, summary=TEXT), "prompt_completion", {"prompt": "article", "completion": "summary"}),
        (many(text=TEXT, id="{i}", tone="t{few}"), "classification", {"text": "text", "label": "tone"}),
        (many(8, text=TEXT, id="{i}", tone="t{two}"), "classification", {"text": "text", "label": "tone"}),
        (many(note=TEXT, spam="{two}", day="{date}"), "classification", {"text": "note", "label": "spam"}),
        (many(id="{i}", review=TEXT, stars="{few}"), "classification", {"text": "review", "label": "stars"}),
        (many(text=TEXT, tone="t{few}", resolved="{yes}"), "classification", {"text": "text", "label": "tone"}),
        (many(12, topic="topic {i}", mail=TEXT, note=TEXT, answer=TEXT), "prompt_completion", {"completion": "answer"}),
    ],
    ids=lambda value: "+".join(value[0]) if isinstance(value, list) else "",
)
def test_guess(tmp_path: Path, rows: list[dict[str, Any]], shape: str, mapping: dict[str, str]) -> None:
    guess = intake.guess(looked_at(tmp_path, "x.csv", rows))
    assert (guess.shape, guess.mapping) == (shape, mapping)
    assert guess.reasons.keys() == mapping.keys()


@pytest.mark.parametrize(
    "columns",
    [
        {"is_active": "{yes}"},
        {"sprache": "{language}"},
        {"dataset part": "{side}"},
        {"seen": "{date}"},
        {"country": "{country}"},
        {"annotator_id": "{few}"},
        {"author": "name {few}"},
    ],
    ids=lambda columns: next(iter(columns)),
)
def test_facts_beside_a_text_are_no_labels(tmp_path: Path, columns: dict[str, str]) -> None:
    look = looked_at(tmp_path, "x.csv", many(text=TEXT, **columns))
    guess = intake.guess(look)
    assert (guess.shape, guess.mapping) == ("text", {"text": "text"})
    assert intake.questions(look, guess.mapping) == []


@pytest.mark.parametrize("name", ["is_spam", "email_category"])
def test_words_of_bookkeeping_before_a_label_leave_it_one(tmp_path: Path, name: str) -> None:
    guess = intake.guess(looked_at(tmp_path, "x.csv", many(text=TEXT, **{name: "{yes}"})))
    assert (guess.shape, guess.mapping) == ("classification", {"text": "text", "label": name})


def test_yes_and_no_about_answered_rows_is_no_question(tmp_path: Path) -> None:
    look = looked_at(tmp_path, "x.csv", many(question=TEXT, answer=TEXT, is_classification="{yes}"))
    assert intake.questions(look, intake.guess(look).mapping) == []
    assert "“is_classification” looks like a label" in intake.questions(look, {"text": "answer"})[-1]


def test_an_answer_or_a_label_inside_a_column_is_named(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"text": f"text {i}", "meta": {"id": i, "label": "ab"[i % 2]}} for i in range(9)]
    look = looked_at(tmp_path, "x.jsonl", rows)
    asked = intake.questions(look, intake.guess(look).mapping)
    assert asked == [
        "Column “meta” isn't used, but holds “label”. If the model should learn that, put it into a column of its own."
    ]


def test_a_few_rows_make_no_label(tmp_path: Path) -> None:
    assert intake.guess(looked_at(tmp_path, "x.csv", many(6, id="{i}", text=TEXT, tone="t{few}"))).shape == "text"


def test_the_reason_counts_the_values(tmp_path: Path) -> None:
    guess = intake.guess(looked_at(tmp_path, "x.csv", many(120, id="{i}", text=TEXT, tone="t{few}")))
    assert guess.reasons["label"] == "By content: “tone” has only 3 different values in 120 rows."


@pytest.mark.parametrize(
    ("rows", "shape", "field", "named"),
    [
        (many(id="{i}", text=TEXT, tone="t{few}", area="a{two}"), "classification", "label", ("tone", "area")),
        (
            many(question=TEXT, human_answer=TEXT, model_answer=TEXT),
            "prompt_completion",
            "completion",
            ("human_answer", "model_answer"),
        ),
        (
            many(id="{i}", email_text=TEXT, notes=TEXT, reply=TEXT),
            "prompt_completion",
            "prompt",
            ("email_text", "notes"),
        ),
        (
            many(question=TEXT, first_answer=TEXT, other_answer=TEXT),
            "prompt_completion",
            "completion",
            ("first_answer",),
        ),
    ],
    ids=["label", "whose answer", "prompt", "answer"],
)
def test_several_candidates_are_asked_about(
    tmp_path: Path, rows: list[dict[str, Any]], shape: str, field: str, named: tuple[str, ...]
) -> None:
    look = looked_at(tmp_path, "x.csv", rows)
    draft = drafts.check(look, shape=None, mapping=None)
    assert (draft.shape.key, field in draft.mapping) == (shape, False)
    reason = next(one.reason for one in draft.choice.fields if one.field == field)
    assert "Which one is it?" in reason
    assert all(f"“{name}”" in reason for name in named)


def test_nothing_like_an_answer_or_a_label_is_left_unused_without_a_question(tmp_path: Path) -> None:
    rows = many(question=TEXT, answer=TEXT, response=TEXT, queue="q{few}", date="{date}", id="{i}")
    draft = drafts.check(looked_at(tmp_path, "x.csv", rows), shape=None, mapping=None)
    said = [remark.message for remark in draft.remarks]
    assert draft.choice.questions == said[1:]
    assert said[1].startswith("Column “response” looks like an answer (by its name) but isn't used. ")
    assert said[2].startswith("Column “queue” looks like a label (3 different values in 30 rows) but")
    assert len(said) == 3
    more = drafts.check(looked_at(tmp_path, "x.csv", rows), shape="text", mapping={"text": "answer"})
    assert any("“response” looks like an answer" in asked for asked in more.choice.questions)


def test_lists_of_one_label_are_that_label_and_several_are_refused_by_row(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"id": i, "text": f"text {i}", "label": [("a", "b")[i % 2]]} for i in range(9)]
    draft = drafts.check(looked_at(tmp_path, "x.jsonl", rows), shape=None, mapping=None, n_kept=2)
    assert (draft.shape.key, draft.labels) == ("classification", {"a", "b"})
    assert [row["label"] for row in draft.rows] == ["a", "b"]
    assert "“label” holds lists with one text each; that text was used." in [remark.message for remark in draft.remarks]
    rows[4]["label"], rows[5]["label"] = ["a", "b"], []
    (tmp_path / "content").unlink()
    draft = drafts.check(looked_at(tmp_path, "y.jsonl", rows), shape=None, mapping=None)
    assert [(p.row, p.field) for p in draft.findings.problems] == [(5, "label"), (6, "label")]
    assert "holds 2 texts (“a”, “b”) where one is needed. Keep one of them" in str(draft.findings.problems[0])
    assert draft.goes_in_without_them


def test_columns_are_joined_in_the_chosen_order_without_empty_cells(tmp_path: Path) -> None:
    rows = [{"subject": f"s {i}", "body": ("", f"b {i}")[i % 2], "answer": f"a {i}"} for i in range(4)]
    look = looked_at(tmp_path, "x.csv", rows)
    for choice in ("body+subject", ["body", "subject"]):
        draft = drafts.check(look, shape=None, mapping={"prompt": choice}, n_kept=2)
        assert draft.mapping == {"prompt": "body + subject", "completion": "answer"}
        assert [row["prompt"] for row in draft.rows] == ["s 0", "b 1\n\ns 1"]
    twice = drafts.check(look, shape=None, mapping={"prompt": "subject+subject"})
    assert "more than once for one field" in str(twice.findings.problems[0])
    shared = drafts.check(look, shape=None, mapping={"prompt": "subject+body", "completion": "body"})
    assert "for more than one field" in str(shared.findings.problems[0])
    rest = drafts.check(look, shape=None, mapping={"completion": "body"})
    assert rest.mapping == {"prompt": "subject", "completion": "body"}


@pytest.mark.parametrize("form", ["['{}']", '["{}"]', "[ '{}' ]"])
def test_a_table_may_write_labels_as_lists(tmp_path: Path, form: str) -> None:
    rows: list[dict[str, Any]] = [{"text": f"text {i}", "label": form.format("ab"[i % 2])} for i in range(12)]
    rows[3]["label"] = "['a', 'b']"
    draft = drafts.check(looked_at(tmp_path, "x.csv", rows), shape=None, mapping=None)
    assert draft.labels == {"a", "b"}
    assert [(p.row, p.field) for p in draft.findings.problems] == [(5, "label")]
    assert "holds 2 texts (“a”, “b”)" in str(draft.findings.problems[0])


def test_a_text_that_looks_like_a_list_stays_a_text(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"text": "['a']", "label": "ab"[i % 2]} for i in range(12)]
    draft = drafts.check(looked_at(tmp_path, "x.csv", rows), shape=None, mapping=None, n_kept=1)
    assert draft.rows[0]["text"] == "['a']"


def test_choices_of_label_studio_are_labels(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"text": f"text {i}", "mood": "ab"[i % 2], "annotator": i % 3} for i in range(12)]
    rows[3]["mood"] = {"choices": ["a", "b"]}
    draft = drafts.check(looked_at(tmp_path, "x.jsonl", rows), shape=None, mapping=None)
    assert (draft.shape.key, draft.mapping) == ("classification", {"text": "text", "label": "mood"})
    assert [problem.row for problem in draft.findings.problems] == [4]
