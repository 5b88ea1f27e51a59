"""Questions and votes: drawn fairly, counted once, taken back, and nobody else's."""

from __future__ import annotations

import pytest

from storage import belongings, users
from storage.listing import Place
from storage.models import User
from storage.votes import contenders, questions, votes
from templates.errors import BadInput, Conflict, NotFound, Unavailable
from tests.storage.conftest import StoreDataset
from tests.storage.votes.voting import NANO, SMALL, asked, third, voted

PASSWORD = "correct horse battery"


def test_a_second_key_press_counts_nothing(studio: User) -> None:
    question = asked(studio, "Is it?")
    assert votes.of_user(studio) == []
    first, is_new = votes.cast(studio, question.id, "right", " sure ")
    assert (first.choice, first.note, is_new) == ("right", "sure", True)
    again, is_new = votes.cast(studio, question.id, "left")
    assert (again.choice, again.voted_at, is_new) == ("right", first.voted_at, False)
    assert len(votes.of_user(studio)) == 1


def test_a_vote_can_be_taken_back_and_given_anew(studio: User) -> None:
    vote = voted(studio, "Is it?", "left")
    assert votes.take_back(studio, vote.id).choice is None
    assert votes.of_user(studio) == []
    assert [one.id for one in votes.of_user(studio, unanswered=True)] == [vote.id]
    assert questions.n_without_vote(studio) == 1
    assert votes.cast(studio, vote.id, "both_bad")[0].choice == "both_bad"


def test_the_votes_of_a_pair_are_seen_from_its_models(studio: User) -> None:
    voted(studio, "one", "left")
    voted(studio, "two", "left", "yes", "no", models=(SMALL, NANO))
    voted(studio, "three", "tie")
    voted(studio, "four", "both_bad")
    known = {"gone": third(contenders.of(studio, NANO))}
    voted(studio, "other", "right", models=(NANO, "gone"), known=known)
    found = votes.of_pair(studio, NANO, SMALL)
    assert [one.preferred for one in found] == ["a", "b", "tie", "both_bad"]
    assert [one.credit for one in found] == [1.0, 0.0, 0.5, 0.5]
    assert {one.a.model.name for one in found} == {NANO}
    assert found[1].a.text == "no"
    assert found[0].messages == [{"role": "user", "content": "one"}]
    assert [one.preferred for one in votes.of_pair(studio, "gone", NANO)] == ["a"], "a deleted model by its name"
    with pytest.raises(NotFound, match="no model “never”"):
        votes.of_pair(studio, NANO, "never")


def test_a_models_record_counts_its_wins_on_both_sides(studio: User) -> None:
    voted(studio, "one", "left")
    voted(studio, "two", "right", models=(SMALL, NANO))
    voted(studio, "three", "tie")
    asked(studio, "waits")
    nano, small = (contenders.of(studio, name).id for name in (NANO, SMALL))
    assert votes.records(studio) == {nano: (2, 3), small: (0, 3)}


def test_votes_are_their_owners(studio: User) -> None:
    alice = users.add("alice", PASSWORD)
    vote = voted(studio, "Is it?", "left")
    assert votes.of_user(alice) == []
    for act in (votes.get, votes.take_back, lambda user, one: votes.cast(user, one, "left")):
        with pytest.raises(NotFound):
            act(alice, vote.id)
    assert votes.get(studio, vote.id).choice == "left"
    with pytest.raises(NotFound):
        votes.of_pair(alice, NANO, "gone")


def test_they_go_with_the_account(studio: User) -> None:
    alice, bob = users.add("alice", PASSWORD), users.add("bob", PASSWORD)
    voted(alice, "Is it?", "left")
    assert str(belongings.of(alice)) == "1 vote"
    belongings.remove_owner(bob, heir=alice)
    bob = users.add("bob", PASSWORD)
    belongings.give(alice, bob)
    assert len(votes.of_user(bob)) == 1
    with pytest.raises(Conflict, match="owns 1 vote"):
        belongings.remove_owner(bob)
    belongings.remove_owner(bob, delete=True)
    assert votes.of_user(bob) == []


def test_both_sides_are_drawn_for_every_question(studio: User) -> None:
    drawn = {tuple(one.name for one in questions.sides(studio, [NANO, SMALL])) for _ in range(20)}
    assert drawn == {(NANO, SMALL), (SMALL, NANO)}


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ([], "You chose no model"),
        ([NANO], "You chose 1 model"),
        ([NANO] * 7, "You chose 7 models"),
        ([NANO, NANO], "is chosen twice"),
        ([NANO, f"{SMALL}@0.5"], "has no strength"),
    ],
)
def test_models_that_make_no_comparison_are_refused(studio: User, models: list[str], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        questions.sides(studio, models)


def test_a_forged_model_is_refused(studio: User) -> None:
    with pytest.raises(NotFound, match=r"no model “\.\./etc”"):
        questions.sides(studio, [NANO, "../etc"])
    one = contenders.of(studio, NANO)
    contenders.refuse_other(one, None, None)
    contenders.refuse_other(one, one.base_revision, None)
    with pytest.raises(Unavailable, match="different weights"):
        contenders.refuse_other(one, "f" * 64, None)
    with pytest.raises(Unavailable, match="different weights"):
        contenders.refuse_other(one, one.base_revision, "ab" * 32)


def test_models_of_one_name_are_told_apart(studio: User) -> None:
    nano = contenders.of(studio, NANO)
    other = nano.model_copy(update={"base_revision": "1" * 64})
    named = contenders.named_apart([nano, other, contenders.of(studio, SMALL)])
    assert named[contenders.of(studio, SMALL).key] == SMALL
    assert len(set(named.values())) == 3
    assert nano.model_copy(update={"name": "called otherwise"}).key == nano.key
    assert nano.model_copy(update={"strength": 0.5}).key != nano.key


def test_prompts_of_a_dataset_come_once_to_a_pair(studio: User, store_dataset: StoreDataset) -> None:
    rows = [{"system": None, "prompt": f"Question {i}?", "completion": "x"} for i in (1, 2, 2, 3, 4, 5)]
    data = store_dataset("asks", "prompt_completion", rows, n_held_out=2)
    pair = questions.sides(studio, [NANO, SMALL])
    seen = []
    for n_left in (3, 2, 1):
        prompt = questions.from_dataset(studio, "asks", "training", pair)
        assert (prompt.source, prompt.dataset_id, prompt.n_left) == ("training", data.id, n_left)
        seen.append(prompt.text)
        asked(studio, prompt, instruction="Be kind.", models=(SMALL, NANO))
    assert sorted(seen) == ["Question 1?", "Question 2?", "Question 3?"]
    with pytest.raises(NotFound, match="have answered all 3 prompts"):
        questions.from_dataset(studio, "asks", "training", pair)
    assert questions.from_dataset(studio, "asks", "held_out", pair).text in ("Question 4?", "Question 5?")
    other = (pair[0], third(pair[0]))
    assert questions.from_dataset(studio, "asks", "training", other).n_left == 3


def test_data_without_prompts_is_refused(studio: User, store_dataset: StoreDataset) -> None:
    store_dataset("prose", "text", [{"text": "a"}, {"text": "b"}, {"text": "c"}])
    with pytest.raises(BadInput, match="holds plain text"):
        questions.from_dataset(studio, "prose", "training", questions.sides(studio, [NANO, SMALL]))
    with pytest.raises(BadInput, match="Type a prompt"):
        questions.typed("  ")


def test_a_question_without_any_answer_is_not_kept(studio: User) -> None:
    with pytest.raises(BadInput, match="answered nothing"):
        asked(studio, "Is it?", "", "")
    assert questions.n_without_vote(studio) == 0


def test_a_wrong_choice_is_refused(studio: User) -> None:
    with pytest.raises(BadInput) as caught:
        votes.cast(studio, asked(studio, "Is it?").id, "middle", "x" * 3000)
    assert len(caught.value.problems) == 2


def test_the_list_has_pages(studio: User) -> None:
    made = [voted(studio, f"{i}", "left").id for i in range(3)]
    asked(studio, "waits")
    first = votes.page(studio, Place(2))
    assert [vote.id for vote in first.rows] == made[:0:-1]
    assert [vote.id for vote in votes.page(studio, Place(2, first.after)).rows] == made[:1]
