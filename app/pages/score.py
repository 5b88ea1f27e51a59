"""Score: a reward model scores answers to a question."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app import answer_scores, turns
from app.pages import layout, reward_views
from app.pages.alerts import CLEAR, FOCUS_JS, guarded, in_turn
from app.pages.who import acting, asked
from storage.gallery import artifact_lists

LEAD = "A reward model scores answers as the people who judged its pairs would."
N_ANSWERS, N_SHOWN = 6, 2
EMPTY = "Reward models appear here. Train one on pairs of a chosen and a rejected answer."


def build(demo: gr.Blocks, alert: gr.HTML) -> None:
    """The page `/score`, with `?model=NAME`."""
    nothing = gr.HTML()
    with gr.Column(visible=False) as form:
        model = gr.Dropdown([], label="Reward model", elem_id="reward-model")
        prompt = gr.Textbox(label="Question", lines=2, max_length=20_000, elem_id="score-prompt")
        answers = [
            gr.Textbox(
                label=f"Answer {place}", lines=2, max_length=20_000, visible=place <= N_SHOWN, elem_id=f"answer-{place}"
            )
            for place in range(1, N_ANSWERS + 1)
        ]
        with gr.Row(elem_classes="ways"):
            more = gr.Button("More answers", size="sm", min_width=120)
            score_button = gr.Button("Score", variant="primary", size="sm", min_width=120, elem_id="score")
    scores = gr.HTML(elem_id="scores")
    demo.load(guarded(4)(opened), None, [alert, nothing, form, model])
    more.click(all_answers, None, [more, *answers], queue=False, show_progress="hidden")
    sent = score_button.click(
        in_turn(2, lane=turns.SCORES)(score), [model, prompt, *answers], [alert, scores], show_progress_on=scores
    )
    sent.then(None, None, None, js=FOCUS_JS)


def opened(request: gr.Request) -> list[Any]:
    """The reader's reward models; the one that the address names is chosen."""
    names, wanted = list(artifact_lists.reward_model_names(acting(request))), asked(request, "model")
    if not names:
        link = layout.empty(EMPTY, "train?objective=reward", "Train a reward model")
        return [CLEAR, link, gr.update(visible=False), gr.skip()]
    chosen = wanted if wanted in names else names[0]
    return [CLEAR, "", gr.update(visible=True), gr.update(choices=names, value=chosen)]


def all_answers() -> list[Any]:
    """Boxes for as many answers as there may be."""
    return [gr.update(visible=False), *(gr.update(visible=True) for _ in range(N_ANSWERS))]


def score(request: gr.Request, model: str, prompt: str, *answers: str) -> tuple[Any, Any]:
    """Score the answers that were typed; empty boxes are no answers."""
    given = [answer for answer in answers if answer and answer.strip()]
    return CLEAR, reward_views.scored(answer_scores.of(acting(request), model or "", prompt or "", given))
