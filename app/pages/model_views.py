"""Base models as the Models page shows them: cards, and everything about one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from markupsafe import Markup

from app import languages
from app.formats import count, parameters
from app.markup import html
from app.pages import model_downloads
from storage import deleted_names, dependents
from storage.bases import base_models, papers, proposed, trials
from storage.bases.catalogue import CatalogueEntry
from storage.gallery import artifact_lists, artifacts, chains
from storage.gallery.chains import Chain
from storage.models import Artifact, BaseModelRow, User
from storage.planning import fits
from storage.planning.fits import Fit, Kind
from templates import registry
from templates.continuation import ChainStep
from templates.quantities import plural, size
from templates.spec import BaseFacts

N_ADAPTED = 12
"""Adapted models on the page; the gallery has all of them."""
N_CHILDREN = 6
DTYPES: Mapping[str, str] = {"BF16": "bfloat16", "F16": "16-bit floats", "F32": "32-bit floats", "F64": "64-bit floats"}
CAME: Mapping[str, str] = {
    "bundled": "Comes with the studio; pretrained from random weights",
    "folder": "Made from the folder “{origin}”",
    "hub": "Made from {origin} on the hub, revision {revision}",
    "package": "Made from the package {origin} of the Python package index",
    "gguf": "Made from the file “{origin}”",
    "zip": "Made from the archive “{origin}”",
}
"""Where a base model comes from, by its source."""
HALF_GB = 500_000_000
Link = tuple[str, str]
"""A name and its address, which is empty if there is nothing to open."""
Fitting = list[tuple[Kind, list[Fit]]]


@dataclass(frozen=True)
class Shown:
    """A model on a card."""

    name: str
    address: str
    whose: str
    summary: str
    facts: list[str]
    fitting: Fitting
    origin: str
    parents: list[Link]
    children: list[Link]
    n_more: int
    """Further children that are not listed."""
    greeting: str
    chat: str
    """The models to chat with, for the Compare page."""


def yours(user: User) -> Markup:
    """All models that can be a base: bundled, shared, the user's own, and the newest results."""
    rows, shown = base_models.of_user(user), artifact_lists.newest_models(user, N_ADAPTED)
    n_adapted = len(artifact_lists.model_names(user))
    children = dependents.trained_on(user, [*(row.id for row in rows), *(one.id for one in shown)])
    kinds = fits.kinds()
    cards = [of_base(row, kinds, children.get(row.id, [])) for row in rows]
    behind = chains.of_models(shown)
    cards += [of_result(one, behind[one.id], kinds, children.get(one.id, [])) for one in shown]
    return html(
        "models/yours",
        cards=[html("models/card", model=card, alone=False) for card in cards],
        machines=machines(kinds),
        n_left=n_adapted - len(shown),
    )


def state(user: User) -> str:
    """Differs if the lists do: cheaper than drawing them for each look. Memory counts in half gigabytes."""
    models = [(row.id, row.name) for row in base_models.of_user(user)]
    free = [(kind.title, kind.n_workers, round(kind.machine.memory_free_bytes / HALF_GB)) for kind in fits.kinds()]
    coming = sorted(model_downloads.entries(user))
    return repr((models, artifact_lists.model_names(user), free, coming))


def machines(kinds: Sequence[Kind]) -> str:
    """What the badges are about."""
    if kinds[0].n_workers == 0:
        return f"No worker runs, so the badges say what fits on this machine now, {fits.ASSUMED}."
    names = ", ".join(kind.title if kind.n_workers == 1 else f"{kind.n_workers} × {kind.title}" for kind in kinds)
    return f"The badges say what fits on the workers that run now ({names}), {fits.ASSUMED}."


def fitting(facts: BaseFacts, kinds: Sequence[Kind]) -> Fitting:
    """Which trainings fit on each kind of worker."""
    return [(kind, fits.of(facts, kind)) for kind in kinds]


def of_base(row: BaseModelRow, kinds: Sequence[Kind], children: Sequence[str]) -> Shown:
    """A base model."""
    facts, entry = base_models.facts(row), proposed.entry_of(row)
    return Shown(
        name=row.name,
        address=f"models?model={quote(row.name)}",
        whose=whose(row),
        summary=entry.summary if entry else base_models.summary(row),
        facts=[*_measures(facts, row.size_bytes), *_languages(entry, facts), row.license],
        fitting=fitting(facts, kinds),
        origin=came(row, facts),
        parents=[],
        children=_links(children),
        n_more=max(0, len(children) - N_CHILDREN),
        greeting=facts.greeting or "",
        chat=",".join([row.name, *children[:1]]),
    )


def of_result(artifact: Artifact, behind: Chain, kinds: Sequence[Kind], children: Sequence[str]) -> Shown:
    """A result of a job, as a base of further training."""
    root, recipe = behind.root, artifacts.model_facts(artifact).recipe
    facts = base_models.facts(root)
    goal = registry.objective(recipe["objective"]).title
    return Shown(
        name=artifact.name,
        address=f"gallery?artifact={quote(artifact.name)}",
        whose="adapted by you",
        summary=f"{goal}, with {registry.method(recipe['method']).title}.",
        facts=[*_measures(facts, artifact.size_bytes), root.license],
        fitting=fitting(facts, kinds),
        origin="Made from",
        parents=[_root(root), *(_step(step) for step in behind.steps[:-1])],
        children=_links(children),
        n_more=max(0, len(children) - N_CHILDREN),
        greeting="",
        chat=f"{behind.before},{artifact.name}",
    )


def _root(row: BaseModelRow) -> Link:
    if row.deleted_at is not None:
        return f"{deleted_names.original(row.name)} (deleted)", ""
    return row.name, f"models?model={quote(row.name)}"


def _step(step: ChainStep) -> Link:
    return (f"{step.name} (deleted)", "") if step.deleted else (step.name, f"gallery?artifact={quote(step.name)}")


def _links(names: Sequence[str]) -> list[Link]:
    return [(name, f"gallery?artifact={quote(name)}") for name in names[:N_CHILDREN]]


def whose(row: BaseModelRow) -> str:
    """For whom the model is there."""
    if row.source == "bundled":
        return "bundled"
    return "shared with everybody" if row.is_shared else "added by you"


def came(row: BaseModelRow, facts: BaseFacts) -> str:
    """Where the model comes from, and the quantized weights that it was made from."""
    source = CAME[row.source].format(origin=row.origin, revision=row.revision[:12])
    return f"{source}; its weights were dequantized from {facts.made_from}" if facts.made_from else source


def _languages(entry: CatalogueEntry | None, facts: BaseFacts) -> list[str]:
    codes = facts.languages or (entry.languages if entry else ())
    return [languages.listed(codes)] if codes else []


def _measures(facts: BaseFacts, size_bytes: int) -> list[str]:
    return [
        f"{parameters(facts.n_parameters)} parameters",
        size(size_bytes),
        f"context {plural(facts.context_length, 'token')}",
        DTYPES.get(facts.stored_dtype, facts.stored_dtype),
    ]


def detail(user: User, row: BaseModelRow) -> Markup:
    """Everything about one base model: its card, its facts, what fits where and needs what, and the licence's text."""
    facts, kinds = base_models.facts(row), fits.kinds()
    children = dependents.trained_on(user, [row.id]).get(row.id, [])
    tables = [(kind, [_fit_row(fit) for fit in found]) for kind, found in fitting(facts, kinds)]
    card = html("models/card", model=of_base(row, kinds, children), alone=True)
    return card + html(
        "models/detail",
        pairs=_pairs(row, facts),
        tried=trials.sentences(facts),
        fitting=tables,
        assumed=fits.ASSUMED,
        license_text=papers.license_text(row),
    )


def _fit_row(fit: Fit) -> list[str]:
    need = fit.need
    amounts = ["–"] * 3 if need.why_not else [size(n) for n in (need.least_bytes, need.memory_bytes, need.disk_bytes)]
    return [need.way.title, need.why_not or fit.answer, *amounts]


def _pairs(row: BaseModelRow, facts: BaseFacts) -> list[tuple[str, str]]:
    """What the card leaves out."""
    return [
        ("Architecture", facts.architecture),
        ("Shape", f"{plural(facts.n_layers, 'layer')} of width {count(facts.hidden_size)}"),
        ("Vocabulary", plural(facts.vocab_size, "token")),
        ("Revision", row.revision),
    ]
