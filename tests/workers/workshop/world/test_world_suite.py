"""The frozen suite is what the program makes: enough items, none twice, answers in balance."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from templates.errors import StudioError
from templates.spec.suite import SuiteItem
from templates.suites import general
from workers.workshop.world import abilities, suite


@pytest.fixture(scope="module")
def frozen() -> list[SuiteItem]:
    return general.read()


def test_the_frozen_file_is_what_the_program_makes() -> None:
    # Compressed bytes differ between versions of zlib; what they hold may not
    assert gzip.decompress(general.path().read_bytes()) == gzip.decompress(suite.packed())


def test_the_frozen_file_has_no_time_in_it() -> None:
    assert general.path().read_bytes()[4:8] == b"\0\0\0\0"
    assert suite.packed(n=2) == suite.packed(n=2)


def test_every_ability_has_two_hundred_items_in_each_phrasing(frozen: list[SuiteItem]) -> None:
    counts = Counter((item.ability, item.phrasing) for item in frozen)
    assert set(counts.values()) == {200}
    assert set(counts) == {(key, phrasing) for key in abilities() for phrasing in ("known", "held_out")}


def test_no_item_is_asked_twice(frozen: list[SuiteItem]) -> None:
    asked = Counter(json.dumps([item.ability, item.messages]) for item in frozen)
    assert max(asked.values()) == 1


def test_an_expected_answer_is_right_by_its_own_parts(frozen: list[SuiteItem]) -> None:
    for item in frozen:
        assert item.messages[-1]["role"] == "user"
        for compared in general.ABILITIES[item.ability].parts.values():
            assert compared(item.answer) == compared(f" {item.answer}\n")


@pytest.mark.parametrize(
    "key", [key for key, ability in general.ABILITIES.items() if ability.chance and ability.chance < 1]
)
def test_a_constant_answer_scores_no_more_than_chance(frozen: list[SuiteItem], key: str) -> None:
    chance = general.ABILITIES[key].chance
    assert chance
    for phrasing in ("known", "held_out"):
        answers = Counter(item.answer for item in frozen if (item.ability, item.phrasing) == (key, phrasing))
        assert answers.most_common(1)[0][1] / answers.total() <= chance + 0.05


@pytest.mark.parametrize("key", ["sentiment", "topic", "count", "categories"])
def test_labels_are_in_balance(frozen: list[SuiteItem], key: str) -> None:
    answers = Counter(item.answer for item in frozen if item.ability == key)
    if key == "sentiment":
        assert answers["positive"] == pytest.approx(answers["negative"], rel=0.05)
    else:
        assert max(answers.values()) - min(answers.values()) <= 2


def test_citations_are_in_balance(frozen: list[SuiteItem]) -> None:
    cited = Counter(item.answer[-4:] for item in frozen if item.ability == "passages")
    assert cited == {f"[{n}].": 100 for n in range(1, 5)}


def test_too_many_items_are_refused() -> None:
    with pytest.raises(StudioError, match="addition"):
        list(suite.items(5000))


def test_a_damaged_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "general.jsonl.gz"
    monkeypatch.setattr(general, "path", lambda: broken)
    with pytest.raises(StudioError, match="write the suite again"):
        general.read()
    broken.write_bytes(suite.packed(n=1)[:100])
    with pytest.raises(StudioError, match="can't be read"):
        general.read()
