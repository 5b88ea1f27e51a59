"""The page of blind votes: what the browser is told, and when; and the page with the tally."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import chat_servers
import gradio as gr
import pytest
from sqlalchemy.exc import OperationalError

from app.pages import blind, blind_voting, vote_views
from app.pages import votes as votes_page
from storage.models import Artifact, Job, User, Vote
from storage.votes import contenders, preference_data, questions, votes
from tests.storage.votes.voting import NANO, SMALL, asked, voted

MODELS = [NANO, SMALL]


async def questions_of(request: gr.Request, *given: Any) -> list[list[Any]]:
    return [shown async for shown in blind_voting.ask(request, "", *given)]


def ask(request: gr.Request, models: list[str], source: str = "typed", data: str | None = None) -> list[list[Any]]:
    return asyncio.run(questions_of(request, models, source, data, "Where is my parcel?", "Be kind.", 42, 0, 4))


@pytest.fixture
def server(studio: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from workers.serving.server import make_app

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with chat_servers.running(make_app(), monkeypatch):
        yield


@pytest.mark.slow
def test_both_answers_come_together_and_without_names(studio: User, asking: Any, server: None) -> None:
    first, last = ask(asking(studio), MODELS)
    assert blind_voting.WAITING in first[2]
    assert all(not button["interactive"] for button in first[6:10])
    assert all(button["interactive"] for button in last[6:10])
    (kept,) = votes.of_user(studio, unanswered=True)
    assert last[4] == kept.id
    sent = " ".join(map(str, last))
    for secret in (NANO, SMALL, kept.left_model, kept.right_model, kept.left["model"]["base_revision"][:8]):
        assert secret not in sent
    assert (kept.messages[0]["content"], kept.source) == ("Be kind.", "typed")
    assert {kept.left["model"]["name"], kept.right["model"]["name"]} == set(MODELS)
    assert kept.left["finish_reason"] in ("stop", "length")


def test_forged_models_are_refused_and_nothing_is_kept(studio: User, asking: Any) -> None:
    *_, shown = ask(asking(studio), [NANO, "somebody-elses"])
    assert "no model “somebody-elses”" in shown[0]
    assert shown[4] == ""
    *_, shown = ask(asking(studio), MODELS, "held_out", "somebody-elses")
    assert "no dataset" in shown[0]
    *_, shown = ask(asking(studio), [])
    assert "Choose a model" in shown[0]
    assert questions.n_without_vote(studio) == 0


def test_a_vote_is_said_with_or_without_names(studio: User, asking: Any) -> None:
    one, other = asked(studio, "one?"), asked(studio, "two?")
    hidden = blind_voting.voter("left")(asking(studio), one.id, "", False)
    assert "You voted: A is better." in hidden[1]
    assert NANO not in str(hidden)
    told = blind_voting.voter("both_bad")(asking(studio), other.id, "none", True)
    assert f"A was <b>{NANO}</b>, B was <b>{SMALL}</b>" in told[1]
    assert [vote.choice for vote in votes.of_user(studio)] == ["left", "both_bad"]
    assert blind_voting.voter("left")(asking(studio), "", "", True) == [gr.skip()] * blind_voting.N_COUNTED
    again = blind_voting.voter("right")(asking(studio), one.id, "", False)
    assert "already voted on this question" in again[1]
    assert votes.get(studio, one.id).choice == "left"
    forged = blind_voting.voter("left")(asking(studio), "x" * 16, "", True)
    assert "There is no vote" in forged[0]


def test_a_vote_taken_back_is_asked_again_only_while_it_is_blind(studio: User, asking: Any) -> None:
    vote = voted(studio, "one?", "left")
    shown = blind_voting.take_back(asking(studio), vote.id, "", False)
    assert (shown[6], "Question 1" in shown[3]) == (vote.id, True)
    assert NANO not in str(shown)
    assert shown[7]["interactive"]
    votes.cast(studio, vote.id, "right")
    shown = blind_voting.take_back(asking(studio), vote.id, "", True)
    assert (shown[6], shown[3], shown[7]["interactive"]) == ("", "", False)
    assert votes.of_user(studio) == []


def test_a_vote_whose_names_were_shown_is_not_asked_again_with_the_box_off(studio: User, asking: Any) -> None:
    last_id = blind_voting.voter("left")(asking(studio), asked(studio, "one?").id, "", True)[2]
    shown = blind_voting.take_back(asking(studio), last_id, "", False)
    assert (shown[6], shown[3], shown[7]["interactive"]) == ("", "", False)
    assert votes.of_user(studio) == []


def reopened(
    request: gr.Request, waiting_id: str, source: str = "training", prompt: str = "", models: Any = MODELS
) -> list[list[Any]]:
    async def shown() -> list[list[Any]]:
        return [one async for one in blind_voting.ask(request, waiting_id, models, source, "gone", prompt, "", 1, 0, 4)]

    return asyncio.run(shown())


def test_the_question_that_was_open_meanwhile_waits_and_comes_next(studio: User, asking: Any) -> None:
    first, second = voted(studio, "one?", "left"), asked(studio, "two?", "perhaps", "maybe")
    shown = blind_voting.take_back(asking(studio), first.id, second.id, False)
    assert (shown[6], shown[-1]) == (first.id, second.id)
    votes.cast(studio, first.id, "right")
    for source in ("training", "typed"):
        (again,) = reopened(asking(studio), second.id, source)
        assert "two?" in again[1]
        assert "perhaps" in again[2]
        assert (again[4], again[-1], again[6]["interactive"]) == (second.id, "", True)
        assert NANO not in str(again)
    *_, other = reopened(asking(studio), second.id, "typed", " ")
    assert other[4] == second.id, "blanks are no prompt"
    votes.cast(studio, second.id, "tie")
    *_, other = reopened(asking(studio), second.id)
    assert "no dataset" in other[0], "it was voted on elsewhere, so a new one is asked"
    *_, forged = reopened(asking(studio), "x" * 16)
    assert "There is no vote" in forged[0]


def test_the_question_that_waits_does_not_come_for_other_models(studio: User, asking: Any) -> None:
    waits = asked(studio, "two?", "perhaps", "maybe")
    *_, shown = reopened(asking(studio), waits.id, models=[NANO, "studio-x"])
    assert "two?" not in str(shown)
    assert (shown[4], shown[-1]) == ("", ""), "it waits no longer"
    (shown,) = reopened(asking(studio), waits.id, models=[SMALL, "studio-x", NANO])
    assert shown[4] == waits.id


def test_no_pane_waits_while_the_database_does_not_answer(
    studio: User, asking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    vote, request = voted(studio, "one?", "left"), asking(studio)

    def broken(*_: Any) -> Vote:
        raise OperationalError("SELECT", {}, Exception("gone away"))

    monkeypatch.setattr(votes, "take_back", broken)
    monkeypatch.setattr(votes, "get", broken)
    shown = blind_voting.take_back(request, vote.id, "", False)
    assert "database does not answer" in shown[0]
    assert blind_voting.BEGIN in shown[4]
    assert blind_voting.BEGIN in shown[5]


def test_an_open_question_stays_when_the_names_of_the_last_one_were_shown(studio: User, asking: Any) -> None:
    last_id = blind_voting.voter("left")(asking(studio), asked(studio, "one?").id, "", True)[2]
    shown = blind_voting.take_back(asking(studio), last_id, asked(studio, "two?").id, False)
    assert "isn’t asked again" in shown[1]
    assert shown[3:11] == [gr.skip()] * 8
    assert shown[-1] == gr.skip()


def test_a_vote_that_cannot_be_taken_back_leaves_no_pane_waiting(studio: User, asking: Any) -> None:
    voted(studio, "zero?", "left")
    vote = voted(studio, "one?", "left", "yes indeed", "no")
    preference_data.make(studio, name="liked")
    shown = blind_voting.take_back(asking(studio), vote.id, "", False)
    assert "“liked” was made with this vote" in shown[0]
    assert "Question 2" in shown[3]
    assert "yes indeed" in shown[4]
    assert (shown[6], shown[7]["interactive"], shown[2]) == ("", False, gr.skip())
    assert votes.get(studio, vote.id).choice == "left"
    shown = blind_voting.take_back(asking(studio), vote.id, asked(studio, "two?").id, False)
    assert shown[3:11] == [gr.skip()] * 8, "the open question stays"
    shown = blind_voting.take_back(asking(studio), "x" * 16, "", False)
    assert "There is no vote" in shown[0]
    assert blind_voting.BEGIN in shown[4]


def test_taking_back_stops_the_next_question(studio: User) -> None:
    with gr.Blocks() as demo:
        blind.build(demo, gr.HTML())
    found = list(demo.fns.values())
    asks = {one._id for one in found if one.api_name == "ask"}
    (undo,) = (one.targets for one in found if one.api_name == "take_back")
    assert asks
    assert any(one.targets == undo and asks <= set(one.cancels) for one in found)
    ready = blind_voting.ready("training")
    assert (ready["value"], ready["interactive"]) == (blind_voting.NEXT, True)


def test_without_a_result_two_bases_are_chosen(studio: User, asking: Any) -> None:
    assert sorted(blind_voting.open_page(asking(studio))[1]["value"]) == sorted(MODELS)


def test_what_the_address_names_in_vain_is_said(
    studio: User, finished: tuple[Job, Artifact], asking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = blind_voting.open_page(asking(studio, prompts="odd", data="gone"))
    assert "“odd” is not a source of prompts" in shown[0]
    assert "There is no dataset “gone” with prompts" in shown[0]
    assert (shown[2], shown[3]["value"]) == ("typed", "tickets")
    monkeypatch.setattr(contenders, "MOST", 2)
    shown = blind_voting.open_page(asking(studio, models=f"{NANO},{SMALL},tickets-lora"))
    assert "You selected 3 models." in shown[0]
    assert "The first 2 are chosen." in shown[0]
    assert shown[1]["value"] == [NANO, SMALL]


def test_the_address_names_models_and_prompts(studio: User, finished: tuple[Job, Artifact], asking: Any) -> None:
    shown = blind_voting.open_page(asking(studio))
    assert shown[1]["value"] == [NANO, "tickets-lora"]
    shown = blind_voting.open_page(asking(studio, models="nowhere,tickets-lora", prompts="held_out", data="tickets"))
    assert "There is no model “nowhere”" in shown[0]
    assert (shown[2], shown[3]["value"], shown[3]["visible"]) == ("held_out", "tickets", True)
    assert "never become training data" in shown[4]


def test_an_answer_is_shown_as_it_is(studio: User) -> None:
    shown = vote_views.answers(asked(studio, "one?", "<img src=//x> {{z}}", "b", cut="b"))
    assert "&lt;img src=//x" in shown[0]
    assert "{{" not in shown[0]
    assert "Cut off at the length limit" in shown[1]


def test_the_tally_teaches_then_tells_then_makes(studio: User, asking: Any) -> None:
    empty = votes_page.open_page(asking(studio))
    assert 'href="blind"' in empty[2]
    for i in range(12):
        voted(studio, f"prompt <b>{i}", "left", "yes", "no")
    voted(studio, "even", "tie")
    _, _, tally, making, would, last = votes_page.open_page(asking(studio))
    assert f"“{NANO}” is preferred to “{SMALL}”: win share 96 % [" in tally
    assert "The left answer won 100 %" in tally
    assert "your votes follow the side" in tally
    assert making["visible"]
    assert "13 votes make 12 rows. Left out: 1 tie." in " ".join(would.replace("</li><li>", " ").split())
    assert "prompt &lt;b&gt;11" in last
    assert "no votes on these prompts" in votes_page.show_tally(asking(studio), "held_out")[1]
    said, following = votes_page.use(asking(studio), "liked")
    assert ("“liked” is made" in said, following) == (True, "data?data=liked")
    assert "already a dataset" in votes_page.guarded(2)(votes_page.use)(asking(studio), "liked")[0]
