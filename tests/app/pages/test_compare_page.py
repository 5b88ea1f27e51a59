"""Comparing: which models, which prompts, and answers that stream together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import chat_servers
import gradio as gr
import pytest

from app import chat_client, chat_opening, turns
from app.pages import answering, comparison, conversations, held_out_prompts, panes
from storage import db
from storage.models import Artifact, Job, User
from templates.errors import BadInput


def values(shown: list[Any]) -> list[str]:
    n = len(comparison.KEPT)
    return [update["value"] for update in shown[-panes.PANES - n : -n]]


def test_a_single_result_stands_beside_its_base(studio: User, finished: tuple[Job, Artifact], asking: Any) -> None:
    for query in ({}, {"models": "tickets-lora"}, {"models": "studio-nano,tickets-lora"}):
        shown = comparison.open_page(asking(studio, **query))
        assert values(shown)[:2] == ["studio-nano", "tickets-lora"]
        assert shown[1] == 2


def test_unknown_models_in_a_link_are_named_beside_those_that_exist(
    studio: User, finished: tuple[Job, Artifact], asking: Any
) -> None:
    shown = comparison.open_page(asking(studio, models="nowhere,tickets-lora"))
    assert "There is no model “nowhere”" in shown[0]
    assert values(shown)[:2] == ["studio-nano", "tickets-lora"]
    shown = comparison.open_page(asking(studio, models=",".join(["studio-nano"] * 5)))
    assert "The first 4 are shown" in shown[0]
    assert shown[1] == 4


def test_the_address_keeps_the_choices(studio: User, finished: tuple[Job, Artifact], asking: Any) -> None:
    kept = {"instruction": "Rhyme.", "seed": "7", "temperature": "0.5", "length": "12"}
    shown = comparison.open_page(asking(studio, **kept))
    assert [shown[0], *shown[-4:]] == ["", "Rhyme.", 7, 0.5, 12]
    assert comparison.open_page(asking(studio))[-4:] == [gr.skip()] * 4
    wrong = comparison.open_page(asking(studio, seed="<b>x", length="nan"))
    assert wrong[-3:] == [gr.skip()] * 3
    assert "&lt;b&gt;x" in wrong[0]
    assert "“nan”" in wrong[0]


def test_held_out_prompts_the_most_changed_first(studio: User, finished: tuple[Job, Artifact], asking: Any) -> None:
    _, title, *chips = held_out_prompts.show_chips(asking(studio), "studio-nano", "tickets-lora")
    assert "was not trained on" in title
    assert [chip["value"] for chip in chips if chip["visible"]] == ["where is it?", "my limit?"]
    _, prompt, wanted, wanted_for = held_out_prompts.taker(0)(asking(studio), "studio-nano", "tickets-lora")
    assert prompt == wanted_for == "where is it?"
    assert "to “where is it?”: <b>lost</b>" in wanted


def test_everything_wrong_is_told_at_once() -> None:
    with pytest.raises(BadInput) as caught:
        answering.checked(" ", ["studio-nano", None], -1, 9, None)  # type: ignore[list-item]
    assert len(caught.value.problems) == 5


def test_an_answer_is_shown_as_it_is() -> None:
    shown = panes.conversation([{"role": "assistant", "content": "<img src=//x onerror=y> {{z}}"}])
    assert "&lt;img src=//x" in shown
    assert "<img" not in shown
    assert "{{" not in shown


def test_reasoning_is_folded_kept_and_not_sent() -> None:
    asked = {"role": "user", "content": "2+2?"}
    answered = {"role": "assistant", "content": "4", "reasoning": "<b>two</b>"}
    cut = {"role": "assistant", "content": "", "reasoning": "Two and"}
    shown = panes.conversation([asked, answered, asked, cut])
    assert '<details class="thought"><summary>Reasoning</summary>' in shown
    assert "<summary>Reasoning, not finished</summary>" in shown
    assert "&lt;b&gt;two" in shown
    assert " open" not in shown
    talk = [asked, answered, asked, cut]
    assert conversations.read(conversations.written([talk], ["m"]), ["m"], 1) == [talk]
    system = {"role": "system", "content": "Be short."}
    plain = {"role": "assistant", "content": "4"}
    assert conversations.sent([system, *talk, asked]) == [system, asked, plain, asked]
    info = chat_client.Info("m", "length")
    assert panes.CUT_IN_REASONING in panes.small_print(panes.Answer(reasoning="Two and", info=info))


@pytest.fixture
def server(studio: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from workers.serving.server import make_app

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with chat_servers.running(make_app(), monkeypatch):
        yield


NANO = ["studio-nano"] * panes.PANES
CHATS = answering.N_BEFORE_CHATS


async def said(
    request: gr.Request, n: int, prompt: str, kept: str, *, alone: bool = False, wanted_for: str = ""
) -> list[list[Any]]:
    given = [prompt, wanted_for, "", alone, n, 42, 0, 12, kept, *NANO]
    return [shown async for shown in answering.say(request, *given)]


def test_panes_stream_together_and_over_several_turns(studio: User, server: None, asking: Any) -> None:
    steps = asyncio.run(said(asking(studio), 2, "What is 2 + 3?", ""))
    first, second, third, _ = conversations.read(steps[-1][3], NANO[:2], 4)
    assert first == second
    assert third == []
    assert [turn["role"] for turn in first] == ["user", "assistant"]
    assert first[1]["content"]
    assert any("tokens/s" in str(step[CHATS + panes.PANES]) for step in steps)
    assert answering.ready() not in [step[2] for step in steps], (
        "the browser drops what is sent before the event is over"
    )
    steps = asyncio.run(said(asking(studio), 2, "And 3 + 4?", steps[-1][3]))
    assert len(conversations.read(steps[-1][3], NANO[:2], 4)[0]) == 4
    _, *heads = comparison.show_heads(asking(studio), *["studio-nano"] * 4)
    assert "identical to the untouched base ✓" in heads[0]


def test_a_person_with_too_many_open_answers_is_told_so_and_keeps_the_message(studio: User, asking: Any) -> None:
    async def held() -> None:
        async with turns.CHATS.turn(studio.id, lambda: True):
            await asyncio.Event().wait()

    async def tried() -> list[list[Any]]:
        running = [asyncio.ensure_future(held()) for _ in range(turns.FEW)]
        await asyncio.sleep(0)
        told = await said(asking(studio), 2, "What is 2 + 3?", "")
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        return told

    (only,) = asyncio.run(tried())
    assert "already answering a message for you" in only[0]
    assert all(update == gr.skip() for update in only[1:])


def test_every_pane_gets_the_instruction(studio: User, server: None, asking: Any) -> None:
    def n_prompt_tokens(instruction: str) -> int:
        turns = chat_opening.turns(instruction, "Hi")
        answer = chat_client.complete("studio-nano", turns, user=studio, max_new_tokens=2)
        return answer.info.n_prompt_tokens or 0

    assert n_prompt_tokens("Answer with one of: yes, no.") > n_prompt_tokens("") == n_prompt_tokens("  ")

    async def panes_asked() -> list[list[Any]]:
        asked = ["Hi", "", "Answer with one of: yes, no.", False, 2, 42, 0, 4, "", *NANO]
        return [shown async for shown in answering.say(asking(studio), *asked)]

    talks = conversations.read(asyncio.run(panes_asked())[-1][3], NANO[:2], 2)
    assert [turn["role"] for turn in talks[0]] == ["user", "assistant"], "a pane shows the turns without it"


def test_the_instruction_of_the_adapted_model_is_proposed(
    studio: User, finished: tuple[Job, Artifact], asking: Any
) -> None:
    models = ["studio-nano", "tickets-lora", "", ""]
    told = "Answer with one of: card, lost."
    with db.writing() as session:
        kept = session.get_one(Artifact, finished[1].id)
        kept.facts = {**kept.facts, "recipe": {**kept.facts["recipe"], "instruction": told}}
    assert comparison.propose(asking(studio), "", False, ("", False), *models)[1:] == [told, True, (told, True)]
    typed = comparison.propose(asking(studio), "Rhyme.", False, (told, True), *models)
    assert typed[1:] == [gr.skip(), gr.skip(), (told, True)]
    plain = comparison.propose(asking(studio), told, True, (told, True), "studio-nano", "", "", "")
    assert plain[1:] == ["", False, ("", False)]


def test_stop_ends_every_pane_at_once(studio: User, server: None) -> None:
    async def stopped() -> int:
        talk = [{"role": "user", "content": "Count from 1 to 100."}]
        manner = panes.Manner(seed=1, temperature=0.0, max_new_tokens=200)
        steps = panes.together(studio, {0: talk, 1: talk}, {0: "studio-nano", 1: "studio-nano"}, manner)
        await anext(steps)
        await steps.aclose()
        return sum(1 for task in asyncio.all_tasks() if "_one" in repr(task))

    assert asyncio.run(stopped()) == 0


def test_without_a_chat_server_each_pane_says_so(studio: User, monkeypatch: pytest.MonkeyPatch, asking: Any) -> None:
    from storage.settings import settings

    monkeypatch.setenv("STUDIO_CHAT_PORT", str(chat_servers.free_port()))
    settings.cache_clear()
    steps = asyncio.run(said(asking(studio), 2, "Hello", ""))
    assert any("does not answer" in str(step[CHATS + panes.PANES]) for step in steps)
    assert steps[-1][1] == "Hello"
    assert conversations.read(steps[-1][3], NANO[:2], 2) == [[], []]
    assert panes.header(None, "<b>") == '<div class="pane-head">The chat server does not know “&lt;b&gt;”.</div>'


def test_with_other_models_or_more_panes_all_start_anew(studio: User, server: None, asking: Any) -> None:
    kept = asyncio.run(said(asking(studio), 2, "What is 2 + 3?", ""))[-1][3]
    assert comparison.anew("", kept, 2, *NANO)[3] == gr.skip()
    assert comparison.anew("", "", 2, "studio-small", "", "", "")[3] == gr.skip(), "nothing was said yet"
    for n, models in ((2, ["studio-nano", "studio-small", "", ""]), (3, NANO)):
        notice, box, _, talks, *_ = shown = comparison.anew("", kept, n, *models)
        assert "start anew" in notice
        assert (box, talks) == ("What is 2 + 3?", "")
        assert all("will stream here" in chat for chat in shown[5 : 5 + panes.PANES])
    assert comparison.anew("typed meanwhile", kept, 3, *NANO)[1] == "typed meanwhile"
    steps = asyncio.run(said(asking(studio), 3, "And 3 + 4?", kept))
    talks = conversations.read(steps[-1][3], NANO[:3], 3)
    assert [len(talk) for talk in talks] == [2, 2, 2], "whatever the browser still showed"


def test_each_message_on_its_own_is_asked_without_the_earlier_ones(
    studio: User, server: None, asking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[int, Any]] = []
    together = panes.together

    def listening(user: User, conversations: Any, *others: Any) -> Any:
        asked.append(conversations)
        return together(user, conversations, *others)

    monkeypatch.setattr(panes, "together", listening)
    kept = asyncio.run(said(asking(studio), 2, "one", ""))[-1][3]
    asyncio.run(said(asking(studio), 2, "two", kept, alone=True))
    asyncio.run(said(asking(studio), 2, "two", kept))
    assert [[turn["content"] for turn in told[0]][-1] for told in asked] == ["one", "two", "two"]
    assert [len(told[0]) for told in asked] == [1, 1, 3]


def test_the_wanted_answer_goes_with_its_prompt(studio: User, server: None, asking: Any) -> None:
    assert asyncio.run(said(asking(studio), 2, "asked", "", wanted_for="asked"))[0][4] == gr.skip()
    assert asyncio.run(said(asking(studio), 2, "another", "", wanted_for="asked"))[0][4] == ""


def test_the_first_token_counts_from_the_click(studio: User, server: None, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = chat_client.stream

    async def loading(*given: Any, **more: Any) -> Any:
        await asyncio.sleep(0.4)  # a server that loads the model before it begins to count
        async for delta in stream(*given, **more):
            yield delta

    async def answered() -> panes.Answer:
        talk = [{"role": "user", "content": "Hi"}]
        manner = panes.Manner(seed=1, temperature=0.0, max_new_tokens=2)
        async for step in panes.together(studio, {0: talk}, {0: "studio-nano"}, manner):
            last = step[0]
        return last

    monkeypatch.setattr(chat_client, "stream", loading)
    answer = asyncio.run(answered())
    assert answer.first_token_s is not None
    assert answer.first_token_s >= 0.4
    assert f"first token after {answer.first_token_s:.2f} s" in panes.small_print(answer)
