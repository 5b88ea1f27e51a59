"""The part of the training form about further data: what is learned too, and what is replayed to keep what it knew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import gradio as gr

from app.markup import html
from app.pages import choices
from app.pages.alerts import CLEAR
from app.pages.who import acting
from storage import deleted_names
from storage.data import dataset_lists, dataset_names
from storage.gallery import artifacts
from storage.job_inputs import Inputs
from storage.listing import Place
from storage.models import Artifact, BaseModelRow, User
from storage.planning import continuations, refusals, repairs, self_replays
from templates import mix, registry
from templates.mix import Mix
from templates.roles import Role

if TYPE_CHECKING:
    from app.pages.filled import Filled

N_OFFERED = 100
LEAST_SHARE, MOST_SHARE = 0.05, 0.8
NOTHING = "(nothing)"
"""The choice not to replay."""
OWN = "(own rows)"
"""The advised choice: what the model wrote itself, whichever model is chosen."""
EVERY_ROW, EQUALLY = "rows", "equal"
FOLD_WORDS = {False: "Add more data, or keep what the model knew", True: "Prompts for the repair"}
KEEP_WORDS = {
    False: {
        "label": "Keep what it knew",
        "info": "Replays these rows during the training, so that the model forgets less. They are not judged.",
    },
    True: {
        "label": "Prompts that the model answers",
        "info": "It learns what its base would have said. Choose prompts that have nothing to do with the task.",
    },
}
"""What the choice of rows to replay is for, in general and in a repair."""
SHARES = [("Each row once", EVERY_ROW), ("Equally often from each dataset", EQUALLY)]


@dataclass(frozen=True)
class Mixed:
    """The components."""

    fold: gr.Accordion
    more: gr.Dropdown
    shares: gr.Radio
    keep: gr.Dropdown
    share: gr.Slider
    hint: gr.HTML
    write: gr.Button

    @property
    def all(self) -> list[Any]:
        """Those with a value, in the order of `Filled`."""
        return [self.more, self.shares, self.keep, self.share]

    @property
    def drawn(self) -> list[Any]:
        """The outputs of `drawn`."""
        return [*self.all, self.hint, self.write, self.fold]


def draw() -> Mixed:
    """More data, and below it what keeps the model from forgetting."""
    with gr.Accordion(FOLD_WORDS[False], open=False, elem_id="mix") as fold:
        more = gr.Dropdown(
            label="Learn together with (optional)",
            info="More datasets for the same model. Each gets its own verdict.",
            multiselect=True,
            elem_id="more-data",
            interactive=True,
        )
        shares = gr.Radio(
            SHARES, value=EVERY_ROW, label="How often rows come up", elem_id="shares", interactive=True, visible=False
        )
        with gr.Row():
            keep = gr.Dropdown(
                label=KEEP_WORDS[False]["label"],
                info=KEEP_WORDS[False]["info"],
                min_width=180,
                elem_id="keep",
                interactive=True,
            )
            share = gr.Slider(
                LEAST_SHARE,
                MOST_SHARE,
                value=mix.REPLAY_SHARE,
                step=0.05,
                label="Replayed share of what is learned",
                info="To stay near the base on these rows instead of learning them, set kl_coef in More settings.",
                min_width=180,
                elem_id="keep-share",
                interactive=True,
                visible=False,
            )
        hint = gr.HTML(elem_id="keep-hint")
        write = gr.Button(visible=False, size="sm", elem_id="write-replay")
    return Mixed(fold, more, shares, keep, share, hint, write)


def filled(objective: str, more: list[str] | None, shares: str, keep: str | None, share: float) -> dict[str, Any]:
    """The fields of `Filled` that these values of `Mixed.all` stand for; a hidden component still has its value."""
    if not registry.objective(objective).mixes:
        more, keep = None, None
    return {
        "more": tuple(more or ()),
        "shares": shares,
        "keep": keep or OWN,
        "share": share,
    }


def fitting(user: User, form: Filled, model: BaseModelRow | Artifact) -> Filled:
    """The form without datasets that this goal can't learn or replay, or that are gone; a repair gets its prompts."""
    goal = registry.objective(form.objective)
    if not goal.mixes:
        return replace(form, more=(), keep=OWN)
    model = writer(form, model)
    if goal.repairs and form.keep in (OWN, NOTHING) and isinstance(model, BaseModelRow):
        own = repairs.prompts_for(user, model)
        form = replace(form, keep=own.name if own else NOTHING)
    more = tuple(name for name in form.more if name in _others(user, form))
    form = replace(form, more=more)
    if goal.repairs:
        known = form.keep in {name for _, name in replayable(user, model, form)}
        return form if known else replace(form, keep=NOTHING)
    own = self_replays.of_model(user, model)
    if own is not None and form.keep == own.name and _can_keep(form):
        return replace(form, keep=OWN)
    offered = {name for _, name in replayable(user, model, form)}
    if form.keep in offered:
        return form
    # a dataset that is gone is not replaced; where nothing could be kept, OWN is offered as nothing
    return replace(form, keep=NOTHING if NOTHING in offered else OWN)


def _can_keep(form: Filled) -> bool:
    """Whether what the model knew could be kept: not with weights that start at random."""
    method = registry.method(choices.way(form.method).method)
    return method.starts_at_base or method.trains != "all_weights"


def drawn(user: User, form: Filled, model: BaseModelRow | Artifact) -> list[Any]:
    """The updates of `Mixed.drawn`; hidden where the goal learns from one dataset alone."""
    if not registry.objective(form.objective).mixes:
        return [gr.update(visible=False) for _ in range(7)]
    model, is_repair = writer(form, model), registry.objective(form.objective).repairs
    others, own = _others(user, form), self_replays.of_model(user, model)
    words = f"Let {model.name} write {'prompts' if is_repair else 'rows to replay'}"
    # what is chosen or must be can be seen; otherwise it stays as the person left it
    keeps, is_advised = bool(replay(user, form)), form.keep == OWN and _can_keep(form)
    opens: dict[str, Any] = {"open": True} if form.more or keeps or is_advised or is_repair else {}
    return [
        gr.update(choices=others, value=list(form.more), visible=bool(others) and not is_repair),
        gr.update(value=form.shares, visible=bool(form.more)),
        gr.update(choices=replayable(user, model, form), value=form.keep, visible=True, **KEEP_WORDS[is_repair]),
        gr.update(value=form.share, visible=keeps and not is_repair),
        html("train/own_rows", model=model.name, own=own, is_repair=is_repair, is_advised=is_advised),
        gr.update(value=words, visible=own is None),
        gr.update(visible=True, label=FOLD_WORDS[is_repair], **opens),
    ]


def writer(form: Filled, model: BaseModelRow | Artifact) -> BaseModelRow | Artifact:
    """The model whose own rows suit the training that goes on from `model`: for a repair the base at its root."""
    is_root = registry.objective(form.objective).repairs and isinstance(model, Artifact)
    return artifacts.base_of(model) if is_root and isinstance(model, Artifact) else model


def _others(user: User, form: Filled) -> list[str]:
    """The newest datasets besides the first that the goal can learn and be judged on."""
    shapes = registry.objective(form.objective).row_shapes
    known = dataset_lists.page(user, Place(N_OFFERED)).rows
    return [row.name for row in known if row.name != form.data and row.shape in shapes and row.n_held_out]


def replayable(user: User, model: BaseModelRow | Artifact, form: Filled) -> list[tuple[str, str]]:
    """What may be replayed, as choices: nothing, the model's own rows, any other dataset that is not learned."""
    learned, own = {form.data, *form.more}, self_replays.of_model(user, model)
    is_repair = registry.objective(form.objective).repairs
    found, can_keep = [("Nothing", NOTHING)], _can_keep(form)
    if own is not None and own.name not in learned:
        words = f"{own.name} · {own.n_rows:,} rows that {model.name} wrote itself"
        found.insert(0, (words, own.name) if is_repair or not can_keep else (f"{words} (advised)", OWN))
        learned.add(own.name)
    elif own is None and not is_repair and can_keep:
        found.insert(0, (f"Rows that {model.name} wrote itself (none yet)", OWN))
    if not is_repair and OWN not in (value for _, value in found):
        found[-1] = ("Nothing", OWN)  # advised here: random weights know nothing, and rows are not learned twice
    for row in dataset_lists.page(user, Place(N_OFFERED)).rows:
        if row.name not in learned and not refusals.of_replay(row, prompts_only=is_repair):
            found.append((f"{row.name} · {row.n_rows - row.n_held_out:,} rows", row.name))
    return found


def weights(form: Filled) -> mix.Weights:
    """The further datasets and the first with their weights; empty for the first alone."""
    weight = 1.0 if form.shares == EQUALLY else None
    return dict.fromkeys((form.data, *form.more), weight) if form.more else {}


def replay(user: User, form: Filled) -> mix.Weights:
    """What is replayed, with its share; nothing if the model has no rows of its own yet."""
    goal = registry.objective(form.objective)
    if form.keep == NOTHING or not goal.mixes or (form.keep == OWN and not _can_keep(form)):
        return {}
    if form.keep != OWN:
        return {form.keep: None if goal.repairs else form.share}
    own = self_replays.of_model(user, continuations.start(user, form.base).model)
    return {own.name: form.share} if own is not None and own.name not in (form.data, *form.more) else {}


def let_write(request: gr.Request, form: Filled) -> list[Any]:
    """Queue the writing of rows that suit the form, and lead to that job."""
    return written(request, writer(form, continuations.start(acting(request), form.base).model).name)


def written(request: gr.Request, base: str) -> list[Any]:
    """Queue the writing of rows, and lead to that job."""
    user = acting(request)
    name = dataset_names.free(user, f"{base[:50]}-own-rows")
    job = self_replays.submit(user, model=base, name=name)
    return [CLEAR, f"jobs?job={quote(job.id)}"]


def of_job(told: Mix, inputs: Inputs, remarks: list[str]) -> dict[str, Any]:
    """The fields of `Filled` of an earlier job; adds a remark on what the form can't show."""
    more = tuple(one.name for one in inputs.all(Role.TRAINING)[1:])
    replayed = inputs.all(Role.REPLAY)
    if len(set(told.weights)) > 1:
        remarks.append("The job’s datasets had different weights; here their rows come up equally often.")
    if len(replayed) > 1:
        remarks.append(f"The job replayed {len(replayed)} datasets; here only the first is chosen.")
    names = [deleted_names.original(one.name) for one in (*inputs.all(Role.TRAINING)[1:], *replayed) if one.deleted_at]
    if names:
        remarks.append(f"Deleted since, and so left out: {', '.join(names)}.")
    kept: dict[str, Any] = {"keep": NOTHING}
    if replayed and told.prompts_first:
        kept = {"keep": replayed[0].name}
    elif replayed and told.replayed:
        kept = {"keep": replayed[0].name, "share": min(MOST_SHARE, max(LEAST_SHARE, told.replayed[0]))}
        if kept["share"] != told.replayed[0]:
            remarks.append(f"The job replayed a share of {told.replayed[0]:g}; here it is {kept['share']:g}.")
    return {"more": more, "shares": EQUALLY if told.weights else EVERY_ROW, **kept}


def of_address(given: Mapping[str, str]) -> dict[str, Any]:
    """The fields of `Filled` in the page's address."""
    found: dict[str, Any] = {}
    if given.get("more"):
        found["more"] = tuple(given["more"].split(":"))
    if given.get("shares") == EQUALLY:
        found["shares"] = EQUALLY
    if given.get("keep"):
        found["keep"] = given["keep"]
    try:
        found |= {"share": min(MOST_SHARE, max(LEAST_SHARE, float(given["share"])))} if given.get("share") else {}
    except ValueError:
        return found  # whoever made the link: the advised share stays
    return found


def in_address(form: Filled) -> dict[str, str]:
    """The same as text; a dataset's name has no colon."""
    return {
        "more": ":".join(form.more),
        "shares": form.shares if form.more and form.shares != EVERY_ROW else "",
        "keep": form.keep if form.keep != OWN else "",
        "share": f"{form.share:g}" if form.keep != NOTHING and form.share != mix.REPLAY_SHARE else "",
    }
