"""The catalogue of open models on the Models page: searched, with what would fit, and one click to add one."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from app import languages
from app.formats import parameters
from app.markup import html
from app.pages import model_downloads, model_views
from app.pages.model_views import Fitting
from storage.bases import base_models, catalogue, proposed
from storage.bases.catalogue import CatalogueEntry
from storage.models import User
from storage.planning import fits, rough_facts
from templates.quantities import size


@dataclass(frozen=True)
class Line:
    """An entry of the catalogue."""

    entry: CatalogueEntry
    size: str
    languages: str
    fitting: Fitting
    yours: str
    """The name under which the reader has it; empty if not."""
    is_on_its_way: bool
    is_proposed: bool


def listing(user: User, typed: str = "", n_shown: int | None = None) -> Markup:
    """The entries that contain all the words that were typed; without any, the first `n_shown`."""
    found = [entry for entry in catalogue.entries() if _matches(entry, typed)]
    found = found if typed.strip() else found[:n_shown]
    here = {made.name: row.name for row in base_models.of_user(user) if (made := proposed.entry_of(row))}
    coming, kinds = model_downloads.entries(user), fits.kinds()
    lines = [
        Line(
            entry=entry,
            size=f"{parameters(entry.n_parameters)} · {size(entry.download_bytes)}",
            languages=languages.listed(entry.languages),
            fitting=model_views.fitting(rough_facts.of(entry.n_parameters, entry.context_length), kinds),
            yours=here.get(entry.name, ""),
            is_on_its_way=entry.name in coming,
            is_proposed=entry.name == proposed.REAL,
        )
        for entry in found
    ]
    return html("models/catalogue", lines=lines, n_all=len(catalogue.entries()))


def _matches(entry: CatalogueEntry, typed: str) -> bool:
    where = (entry.name, entry.hub, entry.license, entry.summary, *languages.names(entry.languages))
    text = " ".join(where).casefold()
    return all(word in text for word in typed.casefold().split())
