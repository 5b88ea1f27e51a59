"""Preference data made of votes: nothing dropped without being counted, nothing held out learned."""

from __future__ import annotations

import pytest

from storage import users
from storage.data import datasets
from storage.models import User
from storage.votes import pairs, preference_data, questions, votes
from storage.votes.questions import Prompt
from templates.errors import BadInput, Conflict, NotFound
from tests.storage.conftest import StoreDataset
from tests.storage.votes.voting import NANO, SMALL, asked, voted


def settled(user: User) -> pairs.Settled:
    return preference_data.preview(user)


def test_votes_become_rows_with_their_lineage(studio: User) -> None:
    for i in range(12):
        voted(studio, f"prompt {i}", "left" if i % 2 else "right", instruction="Be kind.")
    voted(studio, "even", "tie")
    voted(studio, "poor", "both_bad")
    made = preference_data.make(studio, name="liked")
    assert (made.shape, made.n_rows, made.n_held_out, made.instruction) == ("preference", 12, 1, "Be kind.")
    assert made.source_filename == f"votes on {NANO}, {SMALL}"
    rows = {row["prompt"][-1]["content"]: row for row in datasets.rows(made)}
    assert (rows["prompt 1"]["chosen"], rows["prompt 1"]["rejected"]) == ("yes", "no")
    assert (rows["prompt 2"]["chosen"], rows["prompt 2"]["rejected"]) == ("no", "yes")
    assert [turn["role"] for turn in rows["prompt 2"]["prompt"]] == ["user"]
    said = [remark["message"] for remark in made.remarks]
    assert said == ["14 votes make 12 rows.", "Left out: 1 tie, 1 vote for neither answer."]
    assert preference_data.lineage(made) == preference_data.Lineage(12, [NANO, SMALL])
    used = votes.of_user(studio)[0]
    with pytest.raises(Conflict, match="“liked” was made with this vote"):
        votes.take_back(studio, used.id)
    assert votes.get(studio, used.id).choice == used.choice
    with pytest.raises(Conflict, match="already a dataset"):
        preference_data.make(studio, name="liked")
    datasets.delete(studio, "liked")
    assert votes.take_back(studio, used.id).choice is None


def test_different_instructions_stay_with_their_rows(studio: User) -> None:
    voted(studio, "one", "left", instruction="Be kind.")
    voted(studio, "two", "left")
    made = preference_data.make(studio)
    assert (made.name, made.instruction) == (preference_data.NAME, "")
    assert sorted(len(row["prompt"]) for row in datasets.rows(made)) == [1, 2]


def test_contradictions_are_settled_by_the_majority_or_left_out(studio: User) -> None:
    for choice in ("left", "left", "right"):
        voted(studio, "mostly", choice)
    for choice in ("left", "right"):
        voted(studio, "torn", choice)
    for texts in (("a", "b"), ("b", "c"), ("c", "a")):
        voted(studio, "circle", "left", *texts)
    for texts in (("a", "b"), ("b", "c"), ("a", "c")):
        voted(studio, "order", "left", *texts)
    found = settled(studio)
    assert sorted((pair.chosen, pair.rejected) for pair in found.pairs) == [
        ("a", "b"), ("a", "c"), ("b", "c"), ("yes", "no"),
    ]  # fmt: skip
    assert found.left_out == {"contradicting": 5}
    assert (found.n_votes, found.n_repeated, found.n_outvoted) == (11, 1, 1)
    assert found.n_votes == len(found.pairs) + found.n_repeated + found.n_outvoted + found.left_out.total()
    assert "5 votes that contradict others" in " ".join(found.sentences)


def test_a_reversed_vote_within_a_circle_is_counted_once(studio: User) -> None:
    for texts in (("a", "b"), ("a", "b"), ("b", "a"), ("b", "c"), ("c", "a")):
        voted(studio, "circle", "left", *texts)
    found = settled(studio)
    assert (found.pairs, found.left_out) == ([], {"contradicting": 5})


def test_what_teaches_nothing_or_wrong_is_left_out(studio: User) -> None:
    voted(studio, "same", "left", "x", "x")
    voted(studio, "empty", "left", "x", " ")
    voted(studio, "cut", "left", "x", "y", cut="x")
    voted(studio, "cut rejected", "left", "x", "y", cut="y")
    found = settled(studio)
    assert found.left_out == {"same": 1, "empty": 1, "cut": 1}
    assert (len(found.pairs), found.n_cut_rejected) == (1, 1)
    with pytest.raises(BadInput, match=r"too few votes for a dataset\. 4 votes make 1 row"):
        preference_data.make(studio)
    assert datasets.of_user(studio) == []


def test_held_out_prompts_are_never_learned(studio: User, store_dataset: StoreDataset) -> None:
    rows = [{"system": None, "prompt": f"Question {i}?", "completion": "x"} for i in range(6)]
    data = store_dataset("asks", "prompt_completion", rows, n_held_out=2)
    pair = questions.sides(studio, [NANO, SMALL])
    voted(studio, questions.from_dataset(studio, "asks", "held_out", pair), "left")
    voted(studio, questions.from_dataset(studio, "asks", "training", pair), "left")
    voted(studio, Prompt([{"role": "user", "content": "question  5?"}], "training", data.id), "left")
    found = settled(studio)
    assert found.left_out == {"held_out": 2}, "also one that only says that it comes from the training side"
    assert len(found.pairs) == 1


def test_only_the_chosen_models_and_only_own_votes(studio: User) -> None:
    alice = users.add("alice", "correct horse battery")
    for i in range(3):
        voted(alice, f"{i}", "left")
    asked(studio, "waits")
    with pytest.raises(BadInput, match="too few votes"):
        preference_data.make(studio)
    with pytest.raises(NotFound):
        preference_data.make(alice, models=[NANO, "nowhere"])
    assert preference_data.make(alice, models=[NANO, SMALL]).owner_id == alice.id
