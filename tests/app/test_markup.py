"""Templates of pages: what users write is text in them, never markup and never a template."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

import templates
from app import markup
from app.pages import alerts, layout, panes, verdicts
from templates.errors import BadInput, Problem

HOSTILE = "<img src=x onerror=alert(1)> \"'& ${x} {{y}} `z`"
SAFE = "&lt;img src=x onerror=alert(1)&gt; &#34;&#39;&amp; &#36;&#123;x&#125; &#123;&#123;y&#125;&#125; &#96;z&#96;"


def test_a_text_can_be_neither_markup_nor_template() -> None:
    assert markup.html("quiet", words=HOSTILE) == f'<p class="quiet">{SAFE}</p>'
    assert markup.html("quiet", words=Markup("<b>{x}</b>")) == '<p class="quiet"><b>&#123;x&#125;</b></p>'


def test_backticks_are_code_and_nothing_more() -> None:
    assert markup.prose("run `a <b>` now") == "run <code>a &lt;b&gt;</code> now"


def test_a_value_that_a_template_lacks_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        markup.html("quiet")


def test_no_template_trusts_a_text() -> None:
    found = list((Path(templates.__file__).parent / "pages").rglob("*.jinja"))
    assert len(found) > 30
    for path in found:
        assert not re.search(r"\|\s*safe|autoescape", path.read_text("utf-8")), path


@pytest.mark.parametrize(
    "made",
    [
        lambda: layout.table([HOSTILE], [[HOSTILE]], HOSTILE, texts=True),
        lambda: layout.heading(HOSTILE, HOSTILE),
        lambda: layout.empty(HOSTILE, "data", HOSTILE),
        lambda: alerts.html_of(BadInput(Problem(HOSTILE, file=HOSTILE, row=2, field=HOSTILE, remedy=HOSTILE))),
        lambda: alerts.done(HOSTILE),
        lambda: panes.conversation([{"role": "user", "content": HOSTILE}, {"role": "assistant", "content": HOSTILE}]),
        lambda: panes.header(None, HOSTILE),
        lambda: panes.header({"kind": "adapter", "base": HOSTILE, "base_revision": HOSTILE}, HOSTILE),
        lambda: verdicts.block({"sentence": HOSTILE, "verdict": HOSTILE, "metrics": {}, "remarks": [HOSTILE]}),
        lambda: verdicts.answers_table(
            [dict.fromkeys(("prompt", "expected", "base", "adapted", "change"), HOSTILE) | {"row": 1}], "all"
        ),
        lambda: markup.html("jobs/failure", job=SimpleNamespace(error=HOSTILE, remedy=HOSTILE)),
        lambda: markup.html("jobs/head", job=SimpleNamespace(name=HOSTILE, id="ab"), lineage=[HOSTILE, HOSTILE]),
        lambda: markup.html("jobs/log", text=HOSTILE),
        lambda: markup.html("data/messages", messages=[{"role": HOSTILE, "content": HOSTILE}]),
        lambda: markup.html("data/title", name=HOSTILE, n_rows=3, what=HOSTILE),
    ],
)
def test_hostile_texts_stay_texts(made: object) -> None:
    shown = made()  # type: ignore[operator]
    assert "<img" not in shown
    assert "&lt;img" in shown
    assert not set("{}$`") & set(shown)
