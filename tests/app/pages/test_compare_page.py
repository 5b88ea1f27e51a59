"""Comparing: which models, which prompts, and answers that stream together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import chat_servers
import gradio as gr
import pytest

from app import chat_client, chat_opening
from app.pages import answering, compare, held_out_prompts, panes
from storage import db
from storage.models import Artifact, Job, User
from templates.errors import BadInput


def values(shown: list[Any]) -> list[str]:
    return [update["value"] for update in shown[-compare.PANES :]]


def test_a_single_result_stands_beside_its_base(studio: User, finished: tuple[Job, Artifact], asking: Any) -> None:
    for query in ({}, {"models": "tickets-lora"}, {"models": "studio-nano,tickets-lora"}):
        shown = compare.open_page(asking(studio, **query))
        assert values(shown)[:2] == ["studio-nano", "tickets-lora"]
        assert shown[1] == 2
    with pytest.raises(BadInput, match="no model"):
        compare.open_page(asking(studio, models="studio-nano,nowhere"))


def test_held_out_prompts_the_most_changed_first(studio: User, finished: tuple[Job, Artifact], asking: Any) -> None:
    _, title, *chips = held_out_prompts.show_chips(asking(studio), "studio-nano", "tickets-lora")
    assert "was not trained on" in title
    assert [chip["value"] for chip in chips if chip["visible"]] == ["where is it?", "my limit?"]
    _, prompt, wanted = held_out_prompts.taker(0)(asking(studio), "studio-nano", "tickets-lora")
    assert prompt == "where is it?"
    assert "<b>lost</b>" in wanted


def test_everything_wrong_is_told_at_once() -> None:
    with pytest.raises(BadInput) as caught:
        answering.checked(" ", ["studio-nano", None], -1, 9, None)  # type: ignore[list-item]
    assert len(caught.value.problems) == 5


def test_conversations_come_back_as_they_went() -> None:
    talk = [{"role": "user", "content": "<b> & ${x}"}, {"role": "assistant", "content": "“yes”\n"}]
    assert panes.read(panes.written([talk, []]), 4) == [talk, [], [], []]
    assert panes.read("", 2) == [[], []]
    unanswered = [*talk, {"role": "user", "content": "lost"}, {"role": "assistant", "content": ""}]
    assert panes.read(panes.written([unanswered]), 1) == [talk]
    with pytest.raises(BadInput, match="Start over"):
        panes.read('[[{"role": "user"}]]', 2)


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
    assert panes.read(panes.written([talk]), 1) == [talk]
    system = {"role": "system", "content": "Be short."}
    plain = {"role": "assistant", "content": "4"}
    assert panes.sent([system, *talk, asked]) == [system, asked, plain, asked]
    info = chat_client.Info("m", "length")
    assert panes.CUT_IN_REASONING in panes.small_print(panes.Answer(reasoning="Two and", info=info))


@pytest.fixture
def server(studio: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from workers.serving.server import make_app

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with chat_servers.running(make_app(), monkeypatch):
        yield


async def said(request: gr.Request, n: int, prompt: str, talks: str) -> list[list[Any]]:
    models = ["studio-nano"] * compare.PANES
    return [shown async for shown in answering.say(request, prompt, "", n, 42, 0, 12, talks, *models)]


def test_panes_stream_together_and_over_several_turns(studio: User, server: None, asking: Any) -> None:
    steps = asyncio.run(said(asking(studio), 2, "What is 2 + 3?", ""))
    first, second, third, _ = panes.read(steps[-1][3], 4)
    assert first == second
    assert third == []
    assert [turn["role"] for turn in first] == ["user", "assistant"]
    assert first[1]["content"]
    assert any("tokens/s" in str(step[4 + compare.PANES]) for step in steps)
    steps = asyncio.run(said(asking(studio), 2, "And 3 + 4?", steps[-1][3]))
    assert len(panes.read(steps[-1][3], 4)[0]) == 4
    _, *heads = compare.show_heads(asking(studio), *["studio-nano"] * 4)
    assert "identical to the untouched base ✓" in heads[0]


def test_every_pane_gets_the_instruction(studio: User, server: None, asking: Any) -> None:
    def n_prompt_tokens(instruction: str) -> int:
        turns = chat_opening.turns(instruction, "Hi")
        answer = chat_client.complete("studio-nano", turns, user=studio, max_new_tokens=2)
        return answer.info.n_prompt_tokens or 0

    assert n_prompt_tokens("Answer with one of: yes, no.") > n_prompt_tokens("") == n_prompt_tokens("  ")

    async def panes_asked() -> list[list[Any]]:
        asked = ["Hi", "Answer with one of: yes, no.", 2, 42, 0, 4, "", *["studio-nano"] * compare.PANES]
        return [shown async for shown in answering.say(asking(studio), *asked)]

    talks = panes.read(asyncio.run(panes_asked())[-1][3], 2)
    assert [turn["role"] for turn in talks[0]] == ["user", "assistant"], "a pane shows the turns without it"


def test_the_instruction_of_the_adapted_model_is_proposed(
    studio: User, finished: tuple[Job, Artifact], asking: Any
) -> None:
    models = ["studio-nano", "tickets-lora", "", ""]
    told = "Answer with one of: card, lost."
    with db.writing() as session:
        kept = session.get_one(Artifact, finished[1].id)
        kept.facts = {**kept.facts, "recipe": {**kept.facts["recipe"], "instruction": told}}
    assert compare.propose(asking(studio), "", "", *models)[1:] == [told, told]
    kept_as_typed = [gr.skip()] * 3
    assert compare.propose(asking(studio), "Rhyme.", told, *models) == kept_as_typed
    assert compare.propose(asking(studio), told, told, "studio-nano", "", "", "")[1:] == ["", ""]


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
    assert any("does not answer" in str(step[4 + compare.PANES]) for step in steps)
    assert steps[-1][1] == "Hello"
    assert panes.read(steps[-1][3], 2) == [[], []]
    assert panes.header(None, "<b>") == '<div class="pane-head">The chat server does not know “&lt;b&gt;”.</div>'
