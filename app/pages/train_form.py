"""What the training form does: advise, check, show, launch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast
from urllib.parse import quote

import gradio as gr

from app.forms import SettingsForm
from app.pages import choices, layout, preflight, rendered
from app.pages.alerts import CLEAR, guarded, html_of
from app.pages.who import acting, asked
from storage.bases import base_models
from storage.data import datasets
from storage.gallery import artifacts
from storage.jobs import jobs
from storage.models import TERMINAL, User, new_id
from storage.planning import training
from templates import registry
from templates.spec import Preset, Quantization

FIXES = 3
WAYS = {"previous": "‹ Previous", "next": "Next ›", "random": "Random", "longest": "Longest"}
N_TOP = 5


class TrainForm:
    """The handlers of the training page.

    `everything` is always: goal, base, data, method, effort, precision, then the settings' values.
    `drawn` is always: alert, the first five of these, precision, the fold, the method's page, what
    was advised, then the settings.
    """

    def __init__(self, settings: SettingsForm):
        self.settings = settings
        n_drawn = 1 + N_TOP + 4 + len(settings.components)
        n_checked = 4 + FIXES
        self.open = guarded(4 + n_drawn, alert=4)(self._open)
        self.aim = guarded(n_drawn)(self._aim)
        self.choose = guarded(n_drawn)(self._choose)
        self.rebase = guarded(n_drawn)(self._rebase)
        self.check = guarded(n_checked)(self._check)
        self.show = guarded(3)(self._show)
        self.launch = guarded(2)(self._launch)

    def mover(self, way: str) -> Callable[..., Any]:
        """The handler that leads to another row."""

        def move(request: gr.Request, index: float, *everything: Any) -> list[Any]:
            return self._show(request, index, *everything, way=way)

        return guarded(3)(move)

    def fixer(self, place: int) -> Callable[..., Any]:
        """The handler that applies the fix at `place` of those offered."""
        n_drawn = 1 + N_TOP + 4 + len(self.settings.components)

        def fix(request: gr.Request, fixes: list[dict[str, Any]], *everything: Any) -> list[Any]:
            chosen = fixes[place]
            goal, base, data, method, effort, precision, *values = everything
            kept = {} if chosen["method"] else self._typed(goal, method, values)
            kept |= {"quantization": precision} if not chosen["method"] else {}
            user = acting(request)
            return self._drawn(
                user, goal, base, data, chosen["method"] or method, effort, {**kept, **chosen["settings"]}
            )

        return guarded(n_drawn)(fix)

    def _open(self, request: gr.Request) -> list[Any]:
        user = acting(request)
        first = choices.first_data(user)
        if first is None:
            empty = layout.empty("Training needs data. Drop a file first; it takes one minute.", "data", "Add data ›")
            return (
                [empty, gr.update(visible=False), "", ""] + [CLEAR] + [gr.skip()] * (9 + len(self.settings.components))
            )
        wanted = asked(request, "data")
        dataset = datasets.get(user, wanted) if wanted else first
        bases = [name for _, name in choices.bases(user)]
        base = asked(request, "base") or bases[0]
        goal = choices.goals(dataset)[0][1]
        method = registry.objective(goal).advised_method
        drawn = self._drawn(user, goal, base, dataset.name, method, "balanced", {})
        name = layout.free_name(f"{dataset.name[:50]}-{method}", _taken(user))
        return [CLEAR, gr.update(visible=True), new_id(), name, *drawn]

    def _aim(self, request: gr.Request, goal: str, base: str, data: str, _method: str, effort: str) -> list[Any]:
        """Another goal: with the method that is advised for it."""
        return self._drawn(acting(request), goal, base, data, registry.objective(goal).advised_method, effort, {})

    def _choose(self, request: gr.Request, goal: str, base: str, data: str, method: str, effort: str) -> list[Any]:
        return self._drawn(acting(request), goal, base, data, method, effort, {})

    def _rebase(self, request: gr.Request, advised: dict[str, Any], *everything: Any) -> list[Any]:
        """Another base or other data: what was typed by hand stays, what was advised is advised anew."""
        goal, base, data, method, effort, precision, *values = everything
        user = acting(request)
        fitting = [key for _, key in choices.goals(datasets.get(user, data))]
        kept = {}
        if goal in fitting:
            now = {**self._typed(goal, method, values), "quantization": precision}
            kept = {name: value for name, value in now.items() if value != advised.get(name, value)}
        if goal not in fitting:
            goal = fitting[0]
            method = registry.objective(goal).advised_method
        return self._drawn(user, goal, base, data, method, effort, kept)

    def _drawn(
        self, user: User, goal: str, base: str, data: str, method: str, effort: str, kept: dict[str, Any]
    ) -> list[Any]:
        """Every choice and setting, with `kept` laid over what is advised."""
        row = base_models.get(user, base)
        recipe = choices.advised(row, goal, method, effort, kept)
        plain = choices.advised(row, goal, method, effort)
        advised = {**plain.objective_params, **plain.method_params, "quantization": plain.quantization}
        folded = 1 + self.settings.count_folded(recipe.objective, recipe.method)
        return [
            CLEAR,
            gr.update(choices=choices.goals(datasets.get(user, data)), value=goal),
            gr.update(choices=choices.bases(user), value=row.name),
            gr.update(choices=choices.data(user), value=data),
            gr.update(choices=choices.ways(goal), value=method),
            effort,
            gr.update(choices=choices.precisions(recipe.method), value=recipe.quantization),
            gr.update(label=f"More settings ({folded})"),
            registry.method(recipe.method).page,
            advised,
            *self.settings.updates(recipe),
        ]

    def _typed(self, goal: str, method: str, values: Sequence[Any]) -> dict[str, Any]:
        return self.settings.settings(goal, choices.way(method).method, values)

    def _plan(self, user: User, everything: Sequence[Any]) -> training.Plan:
        goal, base, data, method, effort, precision, *values = everything
        return training.plan(
            user,
            base=base,
            dataset=data,
            objective=goal,
            method=choices.way(method).method,
            preset=cast(Preset, effort),
            quantization=cast(Quantization, precision),
            settings=self._typed(goal, method, values),
        )

    def _check(self, request: gr.Request, *everything: Any) -> list[Any]:
        """The preflight card; for a job that does not fit, the changes that would make it fit."""
        hidden = [gr.update(visible=False)] * FIXES
        if not _complete(everything):
            return [gr.skip(), "", [], new_id(), *hidden]
        try:
            plan = self._plan(acting(request), everything)
        except training.DoesNotFit as error:
            offered = error.estimate.advice[:FIXES]
            buttons = [gr.update(value=fix.text, visible=True) for fix in offered]
            fixes = [fix.model_dump() for fix in offered]
            card = preflight.card_refused(error.estimate)
            return [html_of(error), card, fixes, new_id(), *buttons, *hidden[len(offered) :]]
        return [CLEAR, preflight.card(plan), [], new_id(), *hidden]

    def _show(self, request: gr.Request, index: float, *everything: Any, way: str = "") -> list[Any]:
        if not _complete(everything):
            return [gr.skip(), 0, ""]
        goal, base, data, method, _effort, _precision, *values = everything
        user = acting(request)
        row, sample = base_models.get(user, base), rendered.of_dataset(datasets.get(user, data))
        at = rendered.moved(row, sample, int(index), way)
        length = int(self._typed(goal, method, values)["max_length"])
        whole = registry.objective(goal).trains_prompt
        return [gr.skip(), at, rendered.row_html(row, sample, at, length, whole=whole)]

    def _launch(self, request: gr.Request, key: str, name: str, *everything: Any) -> tuple[str, str]:
        user = acting(request)
        job = training.submit(user, self._plan(user, everything), name=name, idem_key=key)
        return CLEAR, f"jobs?job={quote(job.id)}"


def _complete(everything: Sequence[Any]) -> bool:
    """Whether goal, base, data, method and effort are chosen; they are not while the page opens."""
    return all(everything[:N_TOP])


def _taken(user: User) -> set[str]:
    """Names that a result can't have: base models', results', and those of jobs on their way."""
    names = {row.name for row in base_models.of_user(user)} | {a.name for a in artifacts.of_user(user)}
    return names | {job.name for job in jobs.of_user(user) if job.state not in TERMINAL}
