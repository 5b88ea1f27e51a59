"""Scores on a suite as text."""

from __future__ import annotations

from storage.gallery import suite_table
from tests.small_suite import interval, small_result


def test_every_ability_and_model_has_its_cells() -> None:
    result = small_result("nano", "tuned")
    head, *lines = [line for line in suite_table.lines(result) if "  " in line]
    for heading in ("ability", "chance", "n known", "n held out", "nano, known", "tuned, held out"):
        assert heading in head
    assert [line.split("  ")[0] for line in lines[:5]] == [
        "colours", "passages value", "passages source", "tools", "mean over abilities",
    ]  # fmt: skip
    assert lines[0].count("80 % [70, 90]") == 2
    assert lines[0].count("50 % [40, 60]") == 2
    assert len({len(line) for line in [head, *lines[:5]]}) == 1


def test_what_was_not_answered_is_said_aloud() -> None:
    result = small_result("nano", "tuned")
    result["models"][0] |= {"n_too_long": 1200, "n_refused": 7}
    text = "\n".join(suite_table.lines(result))
    assert "nano: 12 s; prompts longer than its context: 1,200, counted as wrong; conversations refused" in text
    assert "tuned: 13 s; answers cut off at the token limit: 1, counted as wrong." in text
    assert "tuned against nano: Lost 30 points [20, 40] of its general abilities, most in colours (−30)." in text


def test_narrow_intervals_get_a_digit_more() -> None:
    assert suite_table.cell({"value": 0.993, "low": 0.985, "high": 0.997}) == "99.3 % [98.5, 99.7]"
    assert suite_table.cell({"value": 0.5, "low": 0.4, "high": 0.6}) == "50 % [40, 60]"
    assert suite_table.cell(None) == "–"


def test_a_phrasing_without_items_is_a_dash() -> None:
    result = small_result("nano")
    result["models"][0]["abilities"]["tools"] = {"held_out": interval(0.5, 3)}
    rows = {line[0]: line[1:] for line in suite_table.rows(result)[1]}
    assert rows["tools"] == ["", "0", "3", "–", "50 % [40, 60]"]
    assert rows["colours"][0] == "25 %"


def test_a_suite_with_one_phrasing_has_a_column_for_each_model() -> None:
    result = small_result("nano", "tuned")
    for model in result["models"]:
        model["abilities"] = {score: {"held_out": of["held_out"]} for score, of in model["abilities"].items()}
        model["mean"] = {"held_out": model["mean"]["held_out"]}
    head, rows = suite_table.rows(result)
    assert head == ["ability", "chance", "n", "nano", "tuned"]
    assert rows[0] == ["colours", "25 %", "3", "50 % [40, 60]", "50 % [40, 60]"]
    assert len(rows[-1]) == len(head)


def test_markdown() -> None:
    table = suite_table.markdown(small_result("nano")).splitlines()
    assert table[0] == "| ability | chance | n known | n held out | nano, known | nano, held out |"
    assert table[1].startswith("| --- | ---: |")
    assert table[-1].startswith("| mean over abilities |")
