"""What the teacher says to the row that the Train page shows: its answer, and how sure it is of each token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
from markupsafe import Markup

from app import chat_client
from app.chat_client import Answer
from app.formats import percent
from app.markup import html
from app.pages import choices, rendered
from app.pages.alerts import CLEAR
from app.pages.filled import Filled
from app.pages.rendered import Sample
from app.pages.who import acting
from app.token_scores import AnswerToken
from storage.data import datasets
from templates import instructions, recipe, registry
from templates.errors import BadInput, Problem
from templates.spec import Objective, RowShape, TrainingParams, Written

MOST_TOKENS = 96
"""Of an answer to look at, where the objective sets no length."""
N_TOP = 4
WORTH_SAYING = 0.001
"""Less likely tokens are left out."""
PLAIN_ROLES = ("system", "user", "assistant")
SIGNS = str.maketrans({" ": "␣", "\n": "↵", "\t": "⇥"})
"""Blanks as signs that can be seen."""


@dataclass(frozen=True)
class _Asked:
    """How the teacher was asked."""

    turns: list[dict[str, str]]
    decoding: Written


def asked(request: gr.Request, form: Filled, index: float) -> tuple[str, Markup]:
    """Ask the teacher about the row at `index`, through the chat server.

    Raises `BadInput` for settings or a row that can't be asked about, and whatever the chat server refuses.
    """
    user = acting(request)
    sample = rendered.of_dataset(datasets.get(user, form.data), form.instruction)
    objective, params = registry.objective(form.objective), _params(form)
    ask = _Asked(_turns(sample, int(index)), _decoding(objective, params, registry.shape(sample.shape)))
    answer = chat_client.complete(
        form.teacher,
        ask.turns,
        user=user,
        seed=params.seed,
        temperature=ask.decoding.temperature,
        top_p=ask.decoding.top_p,
        max_new_tokens=ask.decoding.max_new_tokens,
        top_logprobs=N_TOP,
    )
    return CLEAR, _shown(form.teacher, int(index) + 1, answer, _how(objective, ask))


def _params(form: Filled) -> TrainingParams:
    """The objective's settings as they are typed. Raises `BadInput` with every problem."""
    method = choices.way(form.method).method
    return recipe.compose(form.objective, method, settings=form.settings).training()


def _decoding(objective: Objective, params: TrainingParams, shape: RowShape) -> Written:
    """As the objective lets its teacher write, or else the likeliest answer."""
    written = objective.written(params, shape)
    return written if written.n_answers else Written(max_new_tokens=MOST_TOKENS)


def _turns(sample: Sample, index: int) -> list[dict[str, str]]:
    """The row's prompt below the instruction, as the chat protocol takes it."""
    shape, row = registry.shape(sample.shape), sample.rows[index]
    if shape.messages is None:
        raise BadInput(Problem("Plain text has no prompt to ask the teacher.", remedy="Choose data with prompts."))
    turns = instructions.given(shape.messages(row), sample.instruction.strip())
    turns = turns[:-1] if turns and turns[-1]["role"] == "assistant" else turns
    if shape.tools(row) or not all(_is_plain(turn) for turn in turns):
        what = f"Row {index + 1:,} uses tools or reasoning, which can’t be sent to the chat server."
        raise BadInput(Problem(what, remedy="Ask about another row; the training itself reads them."))
    return [{"role": turn["role"], "content": turn["content"]} for turn in turns]


def _is_plain(turn: Mapping[str, Any]) -> bool:
    said = {name for name, value in turn.items() if value}
    return turn["role"] in PLAIN_ROLES and said <= {"role", "content"} and isinstance(turn.get("content"), str)


def _how(objective: Objective, ask: _Asked) -> list[str]:
    """How the answer came about, and how the training will ask, in sentences."""
    below = "below the instruction above" if ask.turns[0]["role"] == "system" else "without an instruction"
    temperature = ask.decoding.temperature
    words = [
        f"Asked {below}, in the teacher’s own chat template.",
        f"The answer is drawn at temperature {temperature:g}." if temperature else "The answer is its likeliest one.",
        "The percentages are its probabilities at temperature 1.",
    ]
    if ask.decoding.n_answers and objective.learns_written:
        words.append("The training asks it in the same way.")
    elif objective.same_vocabulary:
        words.append("In the training, it reads your rows in the student’s chat template.")
    return words


def _shown(teacher: str, row: int, answer: Answer, how: list[str]) -> Markup:
    is_cut = answer.info.finish_reason == "length"
    return html(
        "train/teacher",
        teacher=teacher,
        row=row,
        text=answer.text.strip(),
        reasoning=answer.reasoning.strip(),
        tokens=[_line(token) for token in answer.tokens],
        n_tokens=answer.info.n_tokens or len(answer.tokens),
        is_cut=is_cut,
        how=how,
    )


@dataclass(frozen=True)
class _Line:
    """One token as the table shows it."""

    said: str
    share: float
    sure: str
    others: list[tuple[str, str]]


def _line(token: AnswerToken) -> _Line:
    said, others = token.said, [one for one in token.others if one.probability >= WORTH_SAYING]
    shown = [(one.text.translate(SIGNS), _percent(one.probability)) for one in others[: N_TOP - 1]]
    return _Line(said.text.translate(SIGNS), said.probability, _percent(said.probability), shown)


def _percent(probability: float) -> str:
    """A probability; the model is never quite sure."""
    if probability > 1 - WORTH_SAYING:
        return "> 99.9 %"
    return percent(probability) if probability >= WORTH_SAYING else "< 0.1 %"
