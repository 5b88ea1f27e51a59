"""The bench of preferences: its rules, its rows, and (in the long run) a whole measurement on a tiny model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from templates.errors import BadInput
from workers.workshop.bench import measure, preferring
from workers.workshop.bench.setup import ModelFiles, Setup
from workers.workshop.bench.traits import TRAITS, short_pairs, short_questions, wins
from workers.workshop.world.texts import IN_A_SENTENCE


@pytest.fixture
def setup(tiny_model_folder: Path, tmp_path: Path) -> Setup:
    """The tiny model, the fewest rows."""
    files = ModelFiles(tiny_model_folder)
    return Setup(small=files, nano=files, folder=tmp_path, share=0.02)


def test_the_rules_tell_who_wins() -> None:
    before = ["no", "Sure! no", "no", None, "Sure! no"]
    assert wins(TRAITS["polite"], before, ["Sure! no", "no", "yes", "yes", None]) == [1, 0, 0.5, 1, 0]
    assert wins(TRAITS["shorter"], ["It is 5.", "5.", "5."], ["5.", "It is 5.", "6."]) == [1, 0, 0.5]
    assert wins(TRAITS["shorter"], ["It is 5."], [""]) == [0], "an empty answer is no short one"


def test_pairs_for_shorter_answers_differ_in_length_alone(setup: Setup) -> None:
    pairs = short_pairs(setup)[:40]
    for pair in pairs:
        value = pair["chosen"].removesuffix(".")
        assert value in pair["rejected"]
        assert len(pair["chosen"]) < len(pair["rejected"])
        assert any(wish in pair["prompt"][0]["content"] for wish in IN_A_SENTENCE)
    taken = {pair["prompt"][0]["content"] for pair in pairs}
    for question in short_questions(setup, "test", 10, set(taken)):
        assert question.messages[0]["content"] not in taken
        assert question.right(question.answer)
        assert not question.right("nonsense")


def test_what_is_not_known_is_refused_together() -> None:
    with pytest.raises(BadInput) as caught:
        measure.preferred(["rlhf"], base="studio-nano", trait="witty", seeds=[0], share=1.0, threads=1)
    assert [problem.field for problem in caught.value.problems] == ["trait", "only"]


@pytest.mark.long
@pytest.mark.parametrize("trait", TRAITS)
def test_every_way_is_measured_over_seeds(setup: Setup, trait: str) -> None:
    setups = [replace(setup, seed=seed, folder=setup.folder / str(seed)) for seed in range(2)]
    found = preferring.measure(setups, trait)
    json.dumps(found, allow_nan=False)
    assert [way["way"] for way in found["ways"]] == list(preferring.WAYS)
    for way in found["ways"]:
        assert way["wins"]["n"] == found["n"] == 2 * setup.n(preferring.N_TEST)
        assert len(way["rate_of_seeds"]) == len(way["general"]) == 2
        assert way["wins"]["rate"]["low"] <= way["wins"]["rate"]["value"] <= way["wins"]["rate"]["high"]
    assert len(preferring.lines(found)) == 3 + len(preferring.WAYS)
