"""Suites are known by name, frozen by hash, and can be sampled."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest

from storage.gallery import suites
from storage.models import User
from storage.settings import settings
from templates.errors import BadInput
from tests.small_suite import ABILITIES, item, small_suite


def test_an_unknown_suite_names_the_known() -> None:
    with pytest.raises(BadInput, match=r"no suite “generall”.*Known: everyday, general"):
        suites.get("generall")
    assert suites.names() == ["everyday", "general"]


def test_the_general_suite_is_there() -> None:
    suite = suites.get("general")
    counted = Counter((i.ability, i.phrasing) for i in suite.items)
    assert min(counted.values()) >= 200
    assert set(counted) == {(ability, phrasing) for ability in suite.abilities for phrasing in suites.PHRASINGS}
    document = suite.document()
    assert document["n_items"] == len(suite.items)


def test_the_hash_is_of_what_is_asked_and_expected() -> None:
    suite = small_suite()
    assert suite.sha256 == small_suite().sha256
    changed = dataclasses.replace(suite.items[0], answer="green")
    assert suite.sha256 != dataclasses.replace(suite, items=(changed, *suite.items[1:])).sha256


def test_a_sample_is_even_and_the_same_for_the_same_seed() -> None:
    suite = small_suite(20)
    sample = suite.sample(10, seed=1)
    counted = Counter((i.ability, i.phrasing) for i in sample.items)
    assert set(counted.values()) == {5}
    assert len(counted) == 6
    assert sample.items == suite.sample(10, seed=1).items
    assert sample.items != suite.sample(10, seed=2).items
    assert sample.sha256 != suite.sha256
    assert suite.sample(1000, seed=1).items == suite.items


def test_what_one_phrasing_lacks_the_other_gives() -> None:
    items = [item("colours", "held_out", "one", "red"), *(item("colours", "known", str(i), "red") for i in range(9))]
    sample = suites.of("general", tuple(items), ABILITIES).sample(6, seed=1)
    assert Counter(i.phrasing for i in sample.items) == {"held_out": 1, "known": 5}


@pytest.mark.parametrize(("method", "items"), [("lora", 3), ("full", 3), ("from_scratch", 0)])
def test_forgetting_is_asked_for_where_there_is_something_to_forget(
    studio: User, monkeypatch: pytest.MonkeyPatch, method: str, items: int
) -> None:
    monkeypatch.setenv("STUDIO_FORGETTING_ITEMS", "3")
    settings.cache_clear()
    assert suites.forgetting_items(method) == items


@pytest.mark.parametrize(("source", "suite"), [("bundled", "general"), ("folder", "everyday"), ("hub", "everyday")])
def test_a_base_is_asked_about_what_it_may_know(source: str, suite: str) -> None:
    assert suites.of_base(source) == suite


def test_the_everyday_suite_marks_the_beginning_of_longer_answers() -> None:
    suite = suites.get("everyday")
    assert (suite.must_end, suite.spare_tokens) == (False, 24)
    assert suites.get("general").must_end
    sample = suite.sample(6, seed=1)
    assert Counter(i.ability for i in sample.items) == dict.fromkeys(suite.abilities, 6)
    assert not sample.must_end


def test_a_suite_must_make_sense() -> None:
    with pytest.raises(BadInput, match="unknown abilities: chess"):
        suites.of("general", (item("chess", "known", "e4", "e5"),), ABILITIES)
    twins = {**ABILITIES, "twin": ABILITIES["tools"]}
    asked = (item("tools", "known", "a", "b"), item("twin", "known", "a", "b"))
    with pytest.raises(BadInput, match="two scores called tools"):
        suites.of("general", asked, twins)
