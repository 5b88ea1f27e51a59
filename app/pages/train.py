"""Train: a form filled with advice, the cost below, and one button to launch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from app import turns
from app.forms import SettingsForm
from app.pages import choices, goals, layout, rerun, result_name, teacher_says, train_address, train_form, train_mix
from app.pages.alerts import FOCUS_JS, guarded, in_turn
from app.pages.filled import PRECISION, Filled
from app.pages.train_form import N_CHECKED, N_DRAWN, N_SHOWN
from app.pages.train_parts import Choices, Lens, Start, draw_choices, draw_lens, draw_start
from storage.models import new_id

LEAD = "Everything is filled in with what is advised. Change what you like, or launch."
LISTENS_AFTER_S = 0.05
READY_JS = """() => [{__type__: 'update', active: false},
  {__type__: 'update', interactive: true}, {__type__: 'update', interactive: true}]"""
"""The form listens, so its buttons may be pressed; the browser does it alone, as the next drawing may come first."""


@dataclass(frozen=True)
class Page:
    """Everything that stays when the settings are redrawn."""

    alert: gr.HTML
    top: Choices
    start: Start
    lens: Lens
    key: gr.Textbox
    fixes: gr.State
    form: gr.State
    """The `Filled` that was drawn last."""
    unfolded: gr.State
    """Whether the folded settings are open, which redrawing would forget."""
    following: gr.Textbox
    kept: gr.Textbox
    """The parameters of the page's address."""

    @property
    def drawn(self) -> list[Any]:
        """The outputs of what redraws the form."""
        return [self.alert, *self.top.drawn, self.lens.about, self.lens.ask, self.start.launch, self.form]

    @property
    def checked(self) -> list[Any]:
        """The outputs of a check."""
        start = self.start
        return [self.alert, start.card, self.fixes, self.key, *start.fixes, start.counting, start.again]

    @property
    def shown(self) -> list[Any]:
        """The outputs of what shows a row."""
        return [self.alert, self.lens.index, self.lens.row, self.lens.said]


def build(demo: gr.Blocks, alert: gr.HTML) -> None:
    """The page `/train`, with `?data=NAME` and `?base=NAME` to begin with, or `?from=JOB`."""
    key, fixes, form, unfolded = gr.Textbox(visible=False), gr.State([]), gr.State({}), gr.State(False)
    following, nothing = layout.address(), gr.HTML()
    with gr.Row(elem_classes="two", visible=False) as body:
        with gr.Column(scale=3, min_width=320):
            top = draw_choices()
            settings = gr.Column(elem_id="settings")
            start = draw_start()
        lens = draw_lens()
    page = Page(alert, top, start, lens, key, fixes, form, unfolded, following, gr.Textbox(visible=False))
    with settings:
        gr.render(inputs=[form, unfolded], triggers=[form.change], show_progress="hidden")(
            lambda filled, is_unfolded: _draw(page, filled, is_unfolded)
        )
    opened = in_turn(4 + N_DRAWN, alert=4, lane=turns.ROWS)(rerun.opened)
    demo.load(opened, None, [nothing, body, key, start.name, *page.drawn])
    top.data.key_up(
        guarded(2)(train_form.find_data),
        top.data,
        [alert, top.data],
        queue=False,
        show_progress="hidden",
        trigger_mode="always_last",
    )
    start.name.input(new_id, None, key, queue=False, show_progress="hidden")
    drawn = form.change(_of_state(train_form.checked, N_CHECKED), form, page.checked, show_progress="minimal")
    drawn.success(_of_state(train_form.seen, N_SHOWN), [form, lens.index], page.shown, show_progress="hidden")
    write = _of_state(train_mix.let_write, 2)
    wrote = top.mixed.write.click(write, form, [alert, following])
    wrote.then(None, following, None, js=layout.GO_JS).then(None, None, None, js=FOCUS_JS)
    _keep_up(page)


def _keep_up(page: Page) -> None:
    """What follows every redrawing of the form: the name, the address, and the warning about the data."""
    form, start = page.form, page.start
    names = [start.name, start.proposed]
    named = form.change(guarded(3)(result_name.follow), [form, *names], [page.alert, *names], show_progress="hidden")
    told = [form, *names]
    kept = named.then(_of_state(train_address.written, 2), told, [page.alert, page.kept], show_progress="hidden")
    kept.then(None, page.kept, None, js=train_address.KEEP_JS)
    start.name.input(None, names, None, js=train_address.NAME_JS)
    cautioned = _of_state(train_form.cautioned, 2, turns.REPORTS)
    form.change(cautioned, form, [page.alert, start.caution], show_progress="hidden")


def _of_state(handler: Callable[..., Any], n_outputs: int, lane: turns.Lane = turns.ROWS) -> Callable[..., Any]:
    """A handler of the form as it was drawn, before anything is typed."""

    def answer(request: gr.Request, filled: dict[str, Any], *others: Any) -> Any:
        return handler(request, Filled(**filled), *others) if filled else [gr.skip()] * n_outputs

    return in_turn(n_outputs, lane=lane)(answer)


def _draw(page: Page, filled: dict[str, Any], is_unfolded: bool) -> None:
    """The settings of the chosen objective and method, and what happens when anything is changed."""
    if not filled:
        return
    before = Filled(**filled)
    settings = SettingsForm.of(before.objective, choices.way(before.method).method, before.values)
    with gr.Row(elem_classes="settings"):
        settings.draw_shown()
    n_folded = 1 + len(settings.names(folded=True))
    with gr.Accordion(f"More settings ({n_folded})", open=is_unfolded) as more:
        precision = gr.Dropdown(
            choices.precisions(settings.method),
            value=before.values[PRECISION],
            label="Precision of the frozen base",
            elem_id="precision",
            interactive=True,
        )
        with gr.Row(elem_classes="settings"):
            settings.draw_folded()
    settings.follow()
    more.expand(lambda: True, None, page.unfolded, queue=False, show_progress="hidden")
    more.collapse(lambda: False, None, page.unfolded, queue=False, show_progress="hidden")
    _listen(page, Reading(page, before, settings, precision))
    ready = gr.Timer(LISTENS_AFTER_S)  # ticks only once the browser has the listeners: a click before would be lost
    ready.tick(None, None, [ready, page.start.launch, page.lens.ask], js=READY_JS)


@dataclass(frozen=True)
class Reading:
    """Makes a `Filled` of what an event brings: every component's value."""

    page: Page
    before: Filled
    settings: SettingsForm
    precision: gr.Dropdown

    @property
    def settings_and_precision(self) -> list[Any]:
        """The part redrawn for each objective and method."""
        return [self.precision, *self.settings.components.values()]

    @property
    def inputs(self) -> set[Any]:
        """All inputs for a handler."""
        page = self.page
        start = page.start
        others = {page.key, start.name, start.proposed, page.fixes, page.lens.index}
        return {*page.top.all, *self.settings_and_precision, *others}

    def filled(self, values: Mapping[Any, Any]) -> Filled:
        """The form as it is now."""
        typed = {**self.settings.raw(values), PRECISION: values[self.precision]}
        goal, base, data, method, effort, instruction, way, teacher, objective, reward, *mixed = (
            values[one] for one in self.page.top.all
        )
        objective, before = goals.chosen(goal, objective), self.before
        chosen = (objective, base, data, method, effort, instruction, way, teacher or "", reward or "")
        form = Filled(*chosen, typed, before.advised, before.kept, experts=before.experts)
        return replace(form, **train_mix.filled(objective, *mixed))

    def drawn(self, handler: Callable[..., list[Any]]) -> Callable[..., Any]:
        """A handler of a changed choice; it gets the form as it is now and as it was before."""

        def answer(request: gr.Request, values: dict[Any, Any]) -> Any:
            now = self.filled(values)
            if now.choices == self.before.choices:  # a box reports input also when it only loses the focus
                return [gr.skip()] * N_DRAWN
            before = replace(self.before, values=now.values)
            return handler(request, now, before)

        return in_turn(N_DRAWN, lane=turns.ROWS)(answer)

    def told(
        self, handler: Callable[..., Any], n_outputs: int, *wanted: Any, lane: turns.Lane = turns.ROWS
    ) -> Callable[..., Any]:
        """A handler of the form as it is now, and of the values of the `wanted` components."""

        def answer(request: gr.Request, values: dict[Any, Any]) -> Any:
            return handler(request, self.filled(values), *(values[component] for component in wanted))

        return in_turn(n_outputs, lane=lane)(answer)

    def fixer(self, place: int) -> Callable[..., Any]:
        """The handler that applies the change at `place` of those offered."""

        def answer(request: gr.Request, values: dict[Any, Any]) -> Any:
            return train_form.fixed(request, self.filled(values), values[self.page.fixes][place])

        return in_turn(N_DRAWN, lane=turns.ROWS)(answer)

    def mover(self, way: str) -> Callable[..., Any]:
        """The handler that leads to another row."""

        def answer(request: gr.Request, values: dict[Any, Any]) -> Any:
            return train_form.seen(request, self.filled(values), values[self.page.lens.index], way)

        return in_turn(N_SHOWN, lane=turns.ROWS)(answer)


def _listen(page: Page, reading: Reading) -> None:
    top, lens, start, inputs = page.top, page.lens, page.start, reading.inputs
    for part, handler in (
        (top.goal, train_form.aimed),
        (top.objective, train_form.turned),
        (top.method, train_form.chosen),
        (top.effort, train_form.tried),
        (top.base, train_form.rebased),
        (top.data, train_form.rebased),
        (top.continue_from, train_form.chosen),
        (top.teacher, train_form.chosen),
        (top.reward, train_form.chosen),
        (top.mixed.more, train_form.chosen),
        (top.mixed.shares, train_form.chosen),
        (top.mixed.keep, train_form.chosen),
    ):
        part.input(reading.drawn(handler), inputs, page.drawn, show_progress="hidden")
    check, show = reading.told(train_form.checked, N_CHECKED), reading.told(train_form.seen, N_SHOWN, lens.index)
    for component in (top.instruction, *reading.settings_and_precision):
        changed = component.input(check, inputs, page.checked, show_progress="hidden", trigger_mode="always_last")
        changed.success(show, inputs, page.shown, show_progress="hidden")
    top.mixed.share.release(reading.drawn(train_form.chosen), inputs, page.drawn, show_progress="hidden")
    start.again.tick(check, inputs, page.checked, show_progress="hidden", trigger_mode="once")
    settings = reading.settings_and_precision
    names = [PRECISION, *reading.settings.components]
    keep = train_address.settings_js(names, reading.before.advised)
    gr.on([component.input for component in settings], None, settings, None, js=keep)
    for way, button in lens.ways.items():
        button.click(reading.mover(way), inputs, page.shown, show_progress="hidden")
    ask = reading.told(teacher_says.asked, 2, lens.index, lane=turns.CHATS)
    lens.ask.click(ask, inputs, [page.alert, lens.said], show_progress_on=lens.said)
    for place, button in enumerate(start.fixes):
        button.click(reading.fixer(place), inputs, page.drawn, show_progress="hidden")
    launch = reading.told(train_form.launched, 2, page.key, start.name)
    launched = start.launch.click(launch, inputs, [page.alert, page.following])
    launched.then(None, page.following, None, js=layout.GO_JS).then(None, None, None, js=FOCUS_JS)
