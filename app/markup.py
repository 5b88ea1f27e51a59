"""The pages' HTML: jinja2 templates under `templates/pages`, which escape every value they are given."""

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

_CODE = re.compile("`(.+?)`")
_TEMPLATE_SIGNS = str.maketrans({"{": "&#123;", "}": "&#125;", "$": "&#36;", "`": "&#96;"})
"""Gradio's browser-side templates give these a meaning."""


def html(template: str, **values: Any) -> Markup:
    """A part of a page: `templates/pages/<template>.jinja` with these values, of which only `Markup` is markup."""
    return Markup(document(template, **values).translate(_TEMPLATE_SIGNS))


def document(template: str, **values: Any) -> Markup:
    """The same as a page of its own, outside Gradio."""
    made = _environment().get_template(f"{template}.jinja").render(values)
    return Markup(made.strip())


def prose(text: object) -> Markup:
    """A sentence as HTML; what stands between backticks is shown as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))


_SHOWN: tuple[Callable[..., str], ...] = (
    formats.ago,
    formats.clock_time,
    formats.count,
    formats.duration,
    formats.number,
    formats.percent,
    formats.shortened,
    quantities.plural,
    quantities.size,
    prose,
)
"""Templates know these as filters."""


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
