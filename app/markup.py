"""Renders the pages' HTML from the jinja2 templates in `templates/pages`, which escape every value."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

import templates
from app import formats
from templates import quantities
from templates.shortened import shortened

_CODE = re.compile("`(.+?)`")
_TEMPLATE_SIGNS = str.maketrans({"{": "&#123;", "}": "&#125;", "$": "&#36;", "`": "&#96;"})
"""Characters with a meaning in Gradio's browser-side templates."""


def html(template: str, **values: Any) -> Markup:
    """Render `templates/pages/<template>.jinja` for a part of a page; escapes all values but `Markup`."""
    return Markup(document(template, **values).translate(_TEMPLATE_SIGNS))


def document(template: str, **values: Any) -> Markup:
    """Render a complete page outside Gradio."""
    made = _environment().get_template(f"{template}.jinja").render(values)
    return Markup(made.strip())


def prose(text: object) -> Markup:
    """A sentence as HTML; text between backticks becomes code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))


_SHOWN: tuple[Callable[..., str], ...] = (
    formats.ago,
    formats.clock_time,
    formats.count,
    formats.duration,
    formats.moment,
    formats.number,
    formats.percent,
    shortened,
    quantities.plural,
    quantities.size,
    prose,
)
"""The filters that templates can use."""


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(templates.__file__).parent / "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {shown.__name__: shown for shown in _SHOWN}
    return environment
