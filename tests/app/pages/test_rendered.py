"""What is said of the rows that can be looked at."""

import re
from html import unescape
from pathlib import Path

import pytest

from app.pages import data_views, rendered
from app.pages.rendered import SAMPLE_ROWS, Sample
from storage.bases import base_models
from storage.models import User
from templates import registry
from tests.storage.rendering.tool_talk import plain, talk


@pytest.mark.parametrize(
    ("shown", "n_rows", "says"),
    [(40, 44, "40"), (SAMPLE_ROWS, 10_003, "the first 1,000"), (SAMPLE_ROWS, 1000, "1,000")],
)
def test_a_sample_says_that_it_is_one(shown: int, n_rows: int, says: str) -> None:
    assert Sample("text", [{"text": "x"}] * shown, n_rows).extent == says


def test_calls_are_shown_as_they_are_learned(studio: User) -> None:
    base, sample = base_models.get(studio, "studio-nano"), Sample("messages", [talk(), plain(1)], 2)
    shown = unescape(rendered.row_html(base, sample, 0, 512))
    call = '<tool_call>{"name": "find_train", "arguments": {"town": "Bern"}}</tool_call>'
    assert f'<span class="learned"> {call}<|im_end|></span>' in shown
    assert "find_train(town: str)" in shown


def test_a_row_that_the_base_refuses_says_why_and_the_others_are_shown(studio: User, tiny_model_folder: Path) -> None:
    base = base_models.add(studio, "ignorant", str(tiny_model_folder), chat_template="chatml")
    sample = Sample("messages", [{**talk(), "source_row": 4}, {**plain(1), "source_row": 5}], 2)
    assert "This row is refused: the base model&#39;s chat template does not support tools." in rendered.row_html(
        base, sample, 0, 512
    )
    assert rendered.moved(base, sample, 0, "longest") == 1
    assert '<span class="learned">1&lt;|im_end|&gt;</span>' in rendered.row_html(base, sample, 1, 512)
    assert "1 row would be refused; row 4, because the base model&#39;s chat template does not support tools." in (
        data_views.lengths(base, sample, 512)
    )


@pytest.mark.parametrize("goal", ["distill_on_policy", "self_distill", "distill_text"])
def test_an_answer_that_is_not_what_is_learned_is_not_shown_as_learned(studio: User, goal: str) -> None:
    sample = Sample("prompt_completion", [{"prompt": "Where?", "completion": "Here."}], 1)
    html = rendered.row_html(base_models.get(studio, "studio-nano"), sample, 0, 64, registry.objective(goal))
    assert "Here." in html
    assert "learned&#34;" not in html
    assert 'class="learned"' not in html
    assert len(re.findall(r"(This row's answer is not|No answer of this row is) learned", unescape(html))) == 1


def test_a_prompt_alone_gets_its_answer_from_the_teacher(studio: User) -> None:
    sample = Sample("prompt_only", [{"prompt": [{"role": "user", "content": "Where is it?"}]}], 1)
    base = base_models.get(studio, "studio-nano")
    shown = str(rendered.row_html(base, sample, 0, 64, registry.objective("distill_text")))
    assert "This prompt has no answer. The teacher writes one" in shown
    assert "It serves for the verdict" not in shown
