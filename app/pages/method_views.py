"""What the page Methods shows of a method: its line in the table, and a drawing of what it changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from app.markup import html
from storage.planning.estimates import TRAINED_BYTES
from templates import registry
from templates.quantities import size
from templates.spec import BaseFacts, Change, Method, Part

PARTS: Mapping[Part, str] = {
    "head": "Output head",
    "norms": "Norms",
    "mlp": "Feed-forward",
    "attention": "Attention",
    "embeddings": "Embeddings",
    "prompt": "Virtual tokens",
}
"""From the top of the drawing to its bottom; a model is drawn with its input below."""
CHANGES: Mapping[Change, str] = {
    "trained": "trained",
    "beside": "matrices beside",
    "prefixed": "keys and values",
    "rescaled": "rescaled",
    "rotated": "rotated",
    "inserted": "layer after",
}
"""What happens to a part, for the drawing."""
SENTENCES: Mapping[Change, str] = {
    "trained": "{}",
    "beside": "matrices beside {}",
    "prefixed": "keys and values before each row in {}",
    "rescaled": "a scale for {}",
    "rotated": "a rotation of {}",
    "inserted": "a layer after {}",
}
"""What is trained, given the parts."""
WIDE = 4
"""Bytes of a weight while it is trained on a processor."""


@dataclass(frozen=True)
class Line:
    """A method in the table."""

    method: Method
    what: str
    share: str
    file: str
    memory: str
    precisions: str


def lines(facts: BaseFacts, *, expert: bool) -> list[Line]:
    """The methods of one level on a base with these facts, the most useful first."""
    found = [method for method in registry.methods().values() if method.is_expert is expert]
    return [line(method, facts) for method in sorted(found, key=lambda one: (one.place, one.title))]


def line(method: Method, facts: BaseFacts) -> Line:
    """A method with its default settings on a base with these facts."""
    params = method.params()
    trained = method.n_trained(params, facts)
    frozen = facts.n_parameters - (0 if method.trains == "adapter" else trained)
    return Line(
        method=method,
        what=told(method),
        share=_percent(trained / facts.n_parameters),
        file=size(WIDE * method.n_stored(params, facts)),
        memory=size(TRAINED_BYTES * trained + WIDE * max(0, frozen)),
        precisions=", ".join({"int8": "8", "nf4": "4"}[q] for q in method.quantizations if q != "none") or "–",
    )


def told(method: Method) -> str:
    """What it changes, in words."""
    if set(method.changes) >= {"embeddings", "attention", "mlp", "norms", "head"}:
        return "every weight"
    kinds = dict.fromkeys(method.changes.values())
    return ", ".join(SENTENCES[kind].format(_listed(method, kind)) for kind in kinds)


def _listed(method: Method, kind: Change) -> str:
    """The parts to which this happens."""
    *first, last = (PARTS[part].lower() for part, how in method.changes.items() if how == kind)
    return f"{', '.join(first)} and {last}" if first else last


def _percent(share: float) -> str:
    """A share with two digits that count."""
    return "100 %" if share >= 0.995 else f"{float(f'{100 * share:.2g}'):g} %"


def head(method: Method, base: str, facts: BaseFacts) -> Markup:
    """A method's title and its figures on the proposed base."""
    return html("methods/head", line=line(method, facts), base=base, mixes=method.mixes(method.defaults))


@dataclass(frozen=True)
class _Box:
    """A part of the model in the drawing."""

    title: str
    y: int
    how: Change | None
    in_block: bool
    words: str


BOX, GAP, TOP = 34, 12, 16


def picture(method: Method) -> Markup:
    """A model as a stack of its parts, with what this method changes."""
    shown = [part for part in PARTS if part != "prompt" or "prompt" in method.changes]
    boxes = [
        _Box(
            title=PARTS[part],
            y=TOP + place * (BOX + GAP),
            how=method.changes.get(part),
            in_block=part in ("norms", "mlp", "attention"),
            words=CHANGES[method.changes[part]] if part in method.changes else "as it is",
        )
        for place, part in enumerate(shown)
    ]
    block = [box for box in boxes if box.in_block]
    return html(
        "methods/picture",
        boxes=boxes,
        height=TOP + len(shown) * (BOX + GAP) + 4,
        box=BOX,
        block_top=block[0].y - 7,
        block_bottom=block[-1].y + BOX + 7,
        told=f"{method.title}: {told(method)}; everything else stays as it is.",
    )
