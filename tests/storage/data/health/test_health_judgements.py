"""Checks of judged answers: what of each is found, and what is no flaw of them."""

from __future__ import annotations

from typing import Any

import pytest

from storage.data.health import report
from storage.data.health.report import Found
from storage.data.rows.rows import Rows
from templates import registry
from tests.storage.data.health.planted import EMPTY, REFUSALS, TOKENS, Writer, chinese_id, email

WRITER = Writer(11)


def pair(**values: str) -> dict[str, Any]:
    asked, chosen, rejected = (WRITER.sentence(12) for _ in range(3))
    row = {"prompt": asked, "chosen": chosen, "rejected": rejected, **values}
    return {**row, "prompt": [{"role": "user", "content": row["prompt"]}]}


def single(label: bool, **values: str) -> dict[str, Any]:
    row = {"prompt": WRITER.sentence(12), "completion": WRITER.sentence(12), **values}
    return {"completion": row["completion"], "label": label, "prompt": [{"role": "user", "content": row["prompt"]}]}


def numbered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "source_row": i, "held_out": i % 5 == 0} for i, row in enumerate(rows, 1)]


def found(shape: str, rows: list[dict[str, Any]]) -> dict[str, Found]:
    made = report.examine(Rows.of(registry.shape(shape), numbered(rows)), "judged")
    return {one.check.key: one for one in made.found}


def clean(shape: str, n_rows: int = 40) -> list[dict[str, Any]]:
    return [pair() if shape == "preference" else single(i % 2 == 0) for i in range(n_rows)]


@pytest.mark.parametrize("shape", ["preference", "unpaired_preference"])
def test_clean_rows_are_ready(shape: str) -> None:
    assert found(shape, clean(shape)) == {}


def test_several_pairs_of_one_prompt_are_no_flaw() -> None:
    first = clean("preference")
    same = {"prompt": first[0]["prompt"][0]["content"], "chosen": first[0]["chosen"]}
    assert found("preference", [*first, pair(**same)]) == {}


@pytest.mark.parametrize(("n_long", "level"), [(20, None), (25, "warning"), (38, "misleading")])
def test_longer_answers_chosen_nearly_always_are_found(n_long: int, level: str | None) -> None:
    rows = [pair(chosen=WRITER.sentence(40)) if i < n_long else pair() for i in range(40)]
    one = found("preference", rows).get("length_bias")
    assert (one and one.level) == level
    if one:
        assert len(one.finding.rows) == n_long
        assert one.finding.says == f"In {n_long} pairs the chosen answer is at least 1.5 times as long."
        assert "characters against" in one.finding.examples[0].text


def test_a_few_pairs_and_short_answers_have_no_length_bias() -> None:
    assert "length_bias" not in found("preference", [pair(chosen=WRITER.sentence(40)) for _ in range(19)])
    assert "length_bias" not in found("preference", [pair(chosen="Sure! a b", rejected=f"a {i}") for i in range(40)])


def test_the_reverse_of_a_judgement_is_found() -> None:
    rows = clean("preference")
    turned = {"prompt": rows[3]["prompt"], "chosen": rows[3]["rejected"].upper(), "rejected": rows[3]["chosen"]}
    rows += [turned, pair(chosen="The same. ", rejected="the same.")]
    assert found("preference", rows)["contradicting_judgements"].finding.rows == (4, 41, 42)
    alone = clean("unpaired_preference")
    alone.append({**alone[6], "label": not alone[6]["label"]})
    one = found("unpaired_preference", alone)["contradicting_judgements"]
    assert (one.finding.rows, one.finding.says) == ((7, 41), "2 rows contradict another, or itself.")


@pytest.mark.parametrize(("n_good", "says"), [(20, None), (35, "88% of the judged answers are good."), (0, "100%")])
def test_judgements_out_of_balance_are_found(n_good: int, says: str | None) -> None:
    one = found("unpaired_preference", [single(i < n_good) for i in range(40)]).get("judgement_balance")
    assert (one is None) == (says is None)
    if one and says:
        assert one.finding.says.startswith(says)
        assert one.level == ("misleading" if n_good == 0 else "warning")


def test_what_harms_an_answer_harms_only_what_is_learned() -> None:
    flaws = {"refusals": REFUSALS[0].format("it."), "empty_answers": EMPTY[0], "edge_spaces": " hm "}
    for key, text in flaws.items():
        rows = clean("unpaired_preference")
        assert found("unpaired_preference", [*rows, single(True, completion=text)])[key].finding.rows == (41,)
        assert key not in found("unpaired_preference", [*rows, single(False, completion=text)])
        assert key not in found("preference", [*clean("preference"), pair(rejected=text)])


def test_personal_data_and_markup_are_found_in_rejected_answers_too() -> None:
    rows = clean("preference")
    rows += [pair(rejected=f"Write to {email(WRITER)}."), pair(chosen=f"It is {chinese_id(WRITER)}.")]
    rows += [pair(rejected=f"So {TOKENS[0]} it is."), pair(rejected=WRITER.chinese())]
    made = found("preference", rows)
    assert made["personal_data"].finding.rows == (41, 42)
    assert made["special_tokens"].finding.rows == (43,)
    assert made["language_mix"].finding.rows == (44,)


def test_equal_rows_are_equal_in_all_their_answers() -> None:
    rows = clean("preference")
    rows += [rows[0], {**rows[1], "rejected": WRITER.sentence(12)}]
    assert found("preference", rows)["exact_duplicates"].finding.rows == (41,)
