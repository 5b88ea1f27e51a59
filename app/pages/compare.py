"""Compare: the same prompt to two to four models, side by side, all streaming at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.pages import comparison, panes
from app.pages.alerts import FOCUS_JS, guarded
from app.pages.answering import ready, say
from app.pages.held_out_prompts import CHIPS, show_chips, taker
from app.pages.panes import PANES
from templates.at_strength import FULL, LEAST, STEP

INSTRUCTION: dict[str, Any] = {
    "label": "Instruction for every pane (optional)",
    "info": "Every model gets it. By default, it is the one that the adapted model was trained with.",
    "max_lines": 4,
    "elem_id": "instruction",
}
ALONE: dict[str, Any] = {
    "label": "Ask each message on its own",
    "info": "No model sees earlier messages. Ticked for models that answer with labels.",
    "elem_id": "alone",
}
LEAD = (
    "All panes get the same messages, instruction, seed and length, and continue their own answers. Choose another "
    "model or strength, or add a pane, and all of them start anew."
)
SHOW_JS = """() => {
  const chat = document.querySelector('#chat-0 [role=log]'), box = document.querySelector('#prompt textarea');
  const pane = document.querySelector('#pane-0'), place = pane.getBoundingClientRect();
  const narrow = window.matchMedia('(max-width: 640px)').matches;
  if (narrow || document.activeElement !== box) chat?.focus({preventScroll: true});
  if (place.top < 0 || place.bottom > window.innerHeight) pane.scrollIntoView({block: 'start'});
}"""
"""After Send: bring the answers in sight. Who types goes on typing; the button is busy and can't keep the focus."""
KEEP_JS = f"""(n, ...asked) => {{
  const [models, strengths, owners] = [0, 1, 2].map((part) => asked.slice({PANES} * part, {PANES} * (part + 1)));
  const isWeak = (i) => owners[i] === models[i] && strengths[i] < 1;
  const said = models.map((model, i) => isWeak(i) ? `${{model}}@${{strengths[i]}}` : model);
  window.studioKeep({{models: said.slice(0, n).join(',')}});
}}"""
"""The address keeps the models with their strengths, as `panes.at_strengths` reads them."""
KEPT_JS = "(value) => window.studioKeep({%s: value})"
BLIND_JS = """(n, ...models) => {
  const named = new URL(window.location.href).searchParams.get('models') || [...new Set(models.slice(0, n))].join(',');
  window.studioStep(`blind?models=${encodeURIComponent(named)}`);
}"""
"""To the blind vote on the shown models; the address has their strengths, once somebody chose one."""
WANTED_JS = "(typed, wantedFor, shown) => typed === wantedFor ? shown : ''"
"""The wanted answer goes once its prompt is edited."""


@dataclass(frozen=True)
class Pane:
    """One model's column."""

    column: gr.Column
    model: gr.Dropdown
    strength: gr.Slider
    strength_of: gr.Textbox
    """The model that the strength was chosen for: for another one, it is full."""
    head: gr.HTML
    chat: gr.HTML
    print: gr.HTML


@dataclass(frozen=True)
class Panes:
    """All columns, by what they hold."""

    columns: list[gr.Column]
    models: list[gr.Dropdown]
    strengths: list[gr.Slider]
    strengths_of: list[gr.Textbox]
    heads: list[gr.HTML]
    chats: list[gr.HTML]
    prints: list[gr.HTML]


@dataclass(frozen=True)
class Question:
    """What is asked, and the held-out prompts to choose from."""

    unseen: gr.HTML
    chips: list[gr.Button]
    expected: gr.HTML
    wanted_for: gr.Textbox
    """The prompt whose wanted answer is shown."""
    instruction: gr.Textbox
    prompt: gr.Textbox
    send: gr.Button
    stop: gr.Button


@dataclass(frozen=True)
class Manner:
    """How all panes answer."""

    n_panes: gr.Radio
    seed: gr.Number
    temperature: gr.Number
    length: gr.Number
    alone: gr.Checkbox
    again: gr.Button
    blind: gr.Button


@dataclass(frozen=True)
class Page:
    """Everything on the page, and what it keeps."""

    alert: gr.HTML
    panes: Panes
    question: Question
    manner: Manner
    notice: gr.HTML
    kept: gr.Textbox
    """The conversations."""
    proposed: gr.State
    """The instruction that was proposed last, and whether single turns were."""

    @property
    def asked(self) -> list[Any]:
        """What `panes.at_strengths` reads: the panes' models, their strengths, and the models of these."""
        return [*self.panes.models, *self.panes.strengths, *self.panes.strengths_of]

    @property
    def cleared(self) -> list[Any]:
        """The outputs of what starts the panes anew."""
        question = self.question
        return [self.notice, question.prompt, question.send, self.kept, question.expected, *self.drawn]

    @property
    def drawn(self) -> list[Any]:
        """The panes' conversations and their small print."""
        return [*self.panes.chats, *self.panes.prints]


def build(demo: gr.Blocks, alert: gr.HTML) -> None:
    """The page `/compare`, with `?models=a,b`."""
    with gr.Row(elem_classes="panes", equal_height=True):
        drawn = [_pane(i) for i in range(PANES)]
    columns, models, heads = [p.column for p in drawn], [p.model for p in drawn], [p.head for p in drawn]
    notice = gr.HTML(elem_id="notice")
    question, manner = _question(), _manner()
    strengths, of = [p.strength for p in drawn], [p.strength_of for p in drawn]
    shown = Panes(columns, models, strengths, of, heads, [p.chat for p in drawn], [p.print for p in drawn])
    kept = gr.Textbox("", visible=False)
    page = Page(alert, shown, question, manner, notice, kept, gr.State(("", False)))
    kept_choices: list[Any] = [question.instruction, manner.seed, manner.temperature, manner.length]
    shown_first = [alert, manner.n_panes, *columns, *strengths, *of, *models, *kept_choices]
    opened = demo.load(guarded(len(shown_first))(comparison.open_page), None, shown_first)
    for name, choice in zip(comparison.KEPT, kept_choices, strict=True):
        choice.input(None, choice, None, js=KEPT_JS % name)
    sent = _let_ask(page)
    _follow_models(page, opened, sent)


def _pane(i: int) -> Pane:
    with gr.Column(visible=i < 2, min_width=260, elem_classes="pane", elem_id=f"pane-{i}") as column:
        return Pane(
            column=column,
            model=gr.Dropdown([], label=f"Model {i + 1}", elem_id=f"model-{i}"),
            strength=gr.Slider(
                LEAST, FULL, FULL, step=STEP, label=f"Strength of model {i + 1}", visible=False, elem_id=f"strength-{i}"
            ),
            strength_of=gr.Textbox(visible=False),
            head=gr.HTML(),
            chat=_chat(i),
            print=gr.HTML(elem_classes="small"),
        )


def _chat(i: int) -> gr.HTML:
    # Not a gr.Chatbot: that renders the HTML in an answer, and an answer must be shown as it is.
    return gr.HTML(
        panes.conversation([]),
        elem_id=f"chat-{i}",
        elem_classes="chat",
        max_height=340,
        autoscroll=True,
        js_on_load=panes.PANE_JS,
    )


def _question() -> Question:
    unseen = gr.HTML()
    with gr.Row(elem_classes="chips"):
        chips = [gr.Button("", size="sm", visible=False, elem_id=f"chip-{i}", min_width=120) for i in range(CHIPS)]
    expected, wanted_for = gr.HTML(elem_id="expected"), gr.Textbox("", visible=False)
    instruction = gr.Textbox(**INSTRUCTION)
    with gr.Row(elem_classes="ask"):
        prompt = gr.Textbox(
            label="Your message",
            placeholder="Ask all of them",
            max_lines=8,
            scale=6,
            min_width=240,
            elem_id="prompt",
        )
        send = gr.Button("Send", variant="primary", scale=1, min_width=90, elem_id="send")
        stop = gr.Button("Stop", scale=1, min_width=90, elem_id="stop")
    return Question(unseen, chips, expected, wanted_for, instruction, prompt, send, stop)


def _manner() -> Manner:
    with gr.Row(elem_classes="settings manner"):
        return Manner(
            n_panes=gr.Radio([2, 3, 4], value=2, label="Panes", min_width=130, elem_id="n-panes"),
            seed=gr.Number(42, label="Seed", precision=0, min_width=90),
            temperature=gr.Number(0, label="Temperature (0: always the likeliest)", step=0.1, min_width=150),
            length=gr.Number(128, label="Longest answer (tokens)", precision=0, min_width=130),
            alone=gr.Checkbox(**ALONE),
            again=gr.Button("Start over", scale=0, min_width=110, elem_id="start-over"),
            blind=gr.Button("Vote blind ›", scale=0, min_width=110, elem_id="vote-blind"),
        )


def _let_ask(page: Page) -> Any:
    """Sending, stopping, and the held-out prompts; returns the event that sends."""
    question, manner, models, asked = page.question, page.manner, page.panes.models, page.asked
    answered = [page.alert, question.prompt, question.send, page.kept, question.expected, *page.drawn]
    asked_with = [question.prompt, question.wanted_for, question.instruction, manner.alone, manner.n_panes]
    asked_with += [manner.seed, manner.temperature, manner.length, page.kept, *asked]
    triggers = [question.send.click, question.prompt.submit]
    gr.on(triggers, None, None, None, js=SHOW_JS)
    sent = gr.on(triggers, say, asked_with, answered, show_progress="hidden", concurrency_limit=None)
    sent.then(guarded(1 + PANES)(comparison.show_heads), asked, [page.alert, *page.panes.heads], show_progress="hidden")
    for event in (sent, question.stop.click(None, cancels=[sent])):  # also after an error
        event.then(ready, None, question.send, queue=False, show_progress="hidden")
    sent.then(None, None, None, js=FOCUS_JS)
    wanted = [question.prompt, question.wanted_for, question.expected]
    question.prompt.input(None, wanted, question.expected, js=WANTED_JS)
    for i, chip in enumerate(question.chips):
        taken = [page.alert, question.prompt, question.expected, question.wanted_for]
        chip.click(taker(i), models, taken, show_progress="hidden")
    manner.blind.click(None, [manner.n_panes, *models], None, js=BLIND_JS)
    manner.again.click(
        lambda: [*comparison.emptied(), ""], None, [*page.cleared, page.alert], cancels=[sent], queue=False
    )
    return sent


def _follow_models(page: Page, opened: Any, sent: Any) -> None:
    """What changes with the models and the number of panes."""
    question, manner, models, asked = page.question, page.manner, page.panes.models, page.asked
    proposed = [question.instruction, manner.alone, page.proposed]
    for event in (opened, *(model.input(lambda: "", None, question.expected, queue=False) for model in models)):
        event.then(
            guarded(2 + CHIPS)(show_chips),
            models,
            [page.alert, question.unseen, *question.chips],
            show_progress="hidden",
        ).then(
            guarded(1 + PANES)(comparison.show_heads), asked, [page.alert, *page.panes.heads], show_progress="hidden"
        ).then(guarded(4)(comparison.propose), [*proposed, *models], [page.alert, *proposed], show_progress="hidden")
    manner.n_panes.input(comparison.show_panes, manner.n_panes, page.panes.columns, queue=False, show_progress="hidden")
    for model, *strength in zip(models, page.panes.strengths, page.panes.strengths_of, strict=True):
        model.input(guarded(3)(comparison.show_strength), model, [page.alert, *strength], show_progress="hidden")
    weakened, heads = [strength.input for strength in page.panes.strengths], [page.alert, *page.panes.heads]
    mode: dict[str, Any] = {"show_progress": "hidden", "trigger_mode": "always_last"}  # a slider moves step by step
    gr.on(weakened, guarded(1 + PANES)(comparison.show_heads), asked, heads, **mode)
    changes = [manner.n_panes.input, *(model.input for model in models)]
    for triggers, how in ((changes, {"show_progress": "hidden"}), (weakened, mode)):
        gr.on(triggers, None, [manner.n_panes, *asked], None, js=KEEP_JS)
        begun = [question.prompt, page.kept, manner.n_panes, *asked]
        anew = guarded(5 + 2 * PANES)(comparison.anew)
        gr.on(triggers, anew, begun, page.cleared, cancels=[sent], queue=False, **how)
