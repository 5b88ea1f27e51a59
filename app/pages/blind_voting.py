"""What happens on the page of blind votes: ask two models, take the vote, take it back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import gradio as gr

from app import blind, chat_opening, notify, turns, vote_words
from app.blind import Round
from app.markup import html
from app.pages import comparison, vote_views
from app.pages.alerts import CLEAR, guarded, html_of, is_open
from app.pages.answering import checked
from app.pages.who import acting, asked
from storage.data import datasets
from storage.models import User, Vote
from storage.votes import contenders, votes
from storage.votes.answers import SOURCES, TYPED, shown
from templates import at_strength, registry
from templates.errors import BadInput, Problem
from templates.quantities import plural

WAITING = "Both models are answering; their answers come together, so that the pace gives nothing away."
BEGIN = "The answer will be here."
ASK, NEXT, BUSY = "Ask both", "Next question", "Both are answering …"
N_VOTE_BUTTONS = 4
N_COUNTED, N_QUESTION = 6 + N_VOTE_BUTTONS, 4
"""Outputs of a vote, and those that show a question: itself, both answers, and its id."""
NAMED = " named"
"""Ends the id of the last vote if its names were shown."""
ABOUT = {
    "typed": "Your prompts can become preference data, unless the models’ data holds out the same prompt.",
    "training": "Votes on these prompts can become preference data. A model that learned from them may know them, so "
    "they are no fair test of it.",
    "selection": "Training rows that a training sets aside for choices. Votes on them can become preference data.",
    "held_out": "A fair test: no model learned from them. These votes count in the tally and never become training "
    "data, because that would spoil the prompts for verdicts.",
}


def open_page(request: gr.Request) -> list[Any]:
    """The models and prompts that the page's address names; by default the newest result and its base."""
    user = acting(request)
    known = comparison.known_models(user)
    wanted, wrong = comparison.wanted_models(user, asked(request, "models"), known)
    named = list(dict.fromkeys(map(str, comparison.with_base(user, wanted))))
    if len(named) < contenders.FEWEST and not wanted:  # without a result, a single base is proposed
        named += [name for name in known if name not in named][: contenders.FEWEST - len(named)]
    chosen = named[: contenders.MOST]
    if len(named) > len(chosen):
        wrong.append(Problem(f"You selected {len(named)} models.", remedy=f"The first {len(chosen)} are chosen."))
    offered = [*((f"{name} · {kind}", name) for name, kind in known.items())]
    offered += [(one, one) for one in chosen if one not in known]
    source, data, unknown = _prompts_of(request, names := _with_prompts(user))
    wrong += unknown
    return [
        html_of(BadInput(*wrong)) if wrong else CLEAR,
        gr.update(choices=offered, value=chosen),
        source,
        gr.update(choices=names, value=data, visible=source != TYPED),
        html("votes/source", words=ABOUT[source]),
        gr.update(visible=source == TYPED),
        ASK if source == TYPED else NEXT,
        chat_opening.instruction(user, chosen),
    ]


def _with_prompts(user: User) -> list[str]:
    """The names of the user's datasets that have prompts."""
    return [one.name for one in datasets.of_user(user) if registry.shape(one.shape).messages]


def _prompts_of(request: gr.Request, names: list[str]) -> tuple[str, str | None, list[Problem]]:
    """Source and dataset that the address names, or the first ones, and what is wrong with the address."""
    source, data, wrong = asked(request, "prompts") or TYPED, asked(request, "data"), list[Problem]()
    first = names[0] if names else None
    if source not in SOURCES:
        wrong.append(Problem(f"“{source[:40]}” is not a source of prompts.", remedy="Typed prompts are chosen."))
        source = TYPED
    if data and data not in names:
        remedy = f"“{first}” is chosen." if first else "Upload one on the page Data."
        wrong.append(Problem(f"There is no dataset “{data[:80]}” with prompts.", remedy=remedy))
        data = ""
    return source, data or first, wrong


def show_source(source: str) -> list[Any]:
    """The controls that a source of prompts needs."""
    is_typed = source == TYPED
    words = html("votes/source", words=ABOUT.get(source, ""))
    return [gr.update(visible=not is_typed), words, gr.update(visible=is_typed), ASK if is_typed else NEXT]


def ready(source: str) -> Any:
    """The button that asks, once nothing is being asked any more."""
    return _button(ASK if source == TYPED else NEXT, True)


async def ask(
    request: gr.Request,
    waiting_id: str,
    models: Sequence[str],
    source: str,
    data: str | None,
    prompt: str,
    instruction: str,
    *rest: Any,
) -> AsyncIterator[list[Any]]:
    """Let two models answer and show both answers together, or show the question that waits.

    `rest`: seed, temperature, length. Yields alert, question, both answers, the question's id, the button, the four
    buttons of the vote, the prompt, and the id of the question that waits.
    """
    label, waiting = (ASK if source == TYPED else NEXT), gr.skip()
    try:
        user = acting(request)
        if waits := _waiting(user, waiting_id, prompt if source == TYPED else "", models or ()):
            yield [CLEAR, *_open(user, waits), _button(label, True), *_votable(True), gr.skip(), ""]
            return
        waiting = gr.skip() if source == TYPED and prompt.strip() else ""  # after another prompt it waits further
        manner = checked(prompt if source == TYPED else " . ", models or [""], *rest)
        round_ = Round(
            models=list(models or ()),
            source=source,
            prompt=prompt,
            data=data or "",
            instruction=instruction,
            seed=manner.seed,
            temperature=manner.temperature,
            max_new_tokens=manner.max_new_tokens,
        )
        async with turns.CHATS.turn(user.id, is_open()):
            wait = vote_views.answers(None, WAITING)
            yield [CLEAR, "", *wait, "", _button(BUSY, False), *_votable(False), gr.skip(), gr.skip()]
            made = await blind.ask(user, round_)
        yield [CLEAR, *_open(user, made.vote), _button(label, True), *_votable(True), "", waiting]
    except Exception as error:  # catch-all: every error is shown, none is swallowed
        alert = html_of(notify.told(error))
        yield [alert, *_nothing(), _button(label, True), *_votable(False), gr.skip(), waiting]


def _waiting(user: User, waiting_id: str, prompt: str, models: Sequence[str]) -> Vote | None:
    """The question that waits for its vote; None if another prompt was typed, other models were chosen, or it was voted
    on elsewhere."""
    if not waiting_id or prompt.strip():
        return None
    found, chosen = votes.get(user, waiting_id), {str(at_strength.read(one)) for one in models}
    return found if found.choice is None and {answer.model.said for answer in shown(found)} <= chosen else None


def voter(choice: str) -> Callable[..., Any]:
    """The handler that counts a vote with this choice.

    Gives alert, what was said, the id of the last vote, the open question's id (none any more), the note, the four
    buttons, and the button that takes it back.
    """

    @guarded(N_COUNTED)
    def vote(request: gr.Request, question_id: str, note: str, names: bool) -> list[Any]:
        if not question_id:  # a second press, before the page knew of the first
            return [gr.skip()] * N_COUNTED
        user = acting(request)
        given, is_new = votes.cast(user, question_id, choice, note or "")
        pair = [answer.model for answer in shown(given)]
        sentence = (
            f"You voted: {vote_words.CHOICES[str(given.choice)]}."
            if is_new
            else "You had already voted on this question."
        )
        counted = f"{plural(votes.count(user), 'vote')} in all."
        said = html(
            "votes/said", sentence=sentence, names=[one.words for one in pair] if names else [], counted=counted
        )
        return [
            CLEAR,
            said,
            f"{given.id}{NAMED if names else ''}",
            "",
            "",
            *_votable(False),
            gr.update(interactive=True),
        ]

    return vote


def take_back(request: gr.Request, last_id: str, open_id: str, names: bool) -> list[Any]:
    """Take back the last vote; its question is open again, unless its names were shown.

    The question that was open meanwhile waits, and comes next. If the vote can't be taken back, all stays as it was.
    Gives alert, what was said, the last vote's id (none), question, both answers, the open question's id, the four
    buttons, the button itself, and the id of the question that waits.
    """
    unchanged = [gr.skip()] * (N_QUESTION + N_VOTE_BUTTONS)
    if not last_id:
        return [gr.skip(), gr.skip(), gr.skip(), *unchanged, gr.skip(), gr.skip()]
    try:
        user = acting(request)
        question = votes.take_back(user, last_id.removesuffix(NAMED))
    except Exception as error:  # catch-all: every error is shown, none is swallowed
        kept = unchanged if open_id else [*_voted(request, last_id), *_votable(False)]  # nothing is asked any more
        return [html_of(notify.told(error)), gr.skip(), gr.skip(), *kept, gr.skip(), gr.skip()]
    off, waits = gr.update(interactive=False), gr.skip()
    if names or last_id.endswith(NAMED):
        sentence = "Your vote is taken back. Its names were shown, so the question isn’t asked again."
        shown_now = unchanged if open_id else [*_nothing(), *_votable(False)]
    else:
        sentence = "Your vote is taken back. Vote again, or go on."
        shown_now = [*_open(user, question), *_votable(True)]
        waits = open_id or gr.skip()
    said = html("votes/said", sentence=sentence, names=[], counted="")
    return [CLEAR, said, "", *shown_now, off, waits]


def _voted(request: gr.Request, last_id: str) -> list[Any]:
    """The question of the last vote as it was before the next one was asked; it can't be voted on."""
    try:
        user = acting(request)
        vote = votes.get(user, last_id.removesuffix(NAMED))
    except Exception as error:  # the alert says why the vote wasn't taken back; both panes stop waiting
        notify.told(error)  # logs what nobody expects
        return _nothing()
    return [vote_views.question(vote, votes.count(user)), *vote_views.answers(vote), ""]


def _nothing() -> list[Any]:
    """No question, no answers, and no id."""
    return ["", *vote_views.answers(None, BEGIN), ""]


def _open(user: User, question: Vote) -> list[Any]:
    """The question, both answers, and its id."""
    number = votes.count(user) + 1
    return [vote_views.question(question, number), *vote_views.answers(question), question.id]


def _button(label: str, usable: bool) -> Any:
    return gr.update(value=label, interactive=usable)


def _votable(usable: bool) -> list[Any]:
    return [gr.update(interactive=usable) for _ in range(N_VOTE_BUTTONS)]
