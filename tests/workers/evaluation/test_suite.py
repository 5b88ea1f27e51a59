"""A model's answers to a suite, right or wrong in each part that counts."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage.gallery import suites
from storage.rendering.renderer import Renderer
from templates.spec.suite import SPARE_TOKENS
from tests.small_suite import ABILITIES, item, small_suite
from workers.evaluation import limited_answers
from workers.evaluation import suite as scored
from workers.evaluation.generation import Generated, Interrupted

Answerer = Callable[[Sequence[int]], str]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch, renderer: Renderer) -> Callable[[dict[str, str]], None]:
    """Makes the model answer by the first text that its prompt contains; an answer that ends in … does not end."""

    def make(by_text: dict[str, str]) -> None:
        def answers(_model: Any, prompts: Sequence[Sequence[int]], **given: Any) -> list[Generated]:
            found = []
            for prompt in prompts:
                text = renderer.decode(prompt)
                answer = next(a for part, a in by_text.items() if part in text)
                ids = renderer._encode(answer.removesuffix("…")).ids
                found.append(Generated(tuple(ids), ended=not answer.endswith("…")))
            given["progress"](len(prompts))
            return found

        monkeypatch.setattr(limited_answers, "answers", answers)

    return make


def score(model: Any, renderer: Renderer, suite: suites.Suite, **given: Any) -> scored.SuiteScores:
    return scored.score(model, renderer, suite, **{"context_length": 256, **given})


def test_an_answer_is_judged_in_its_parts(tiny: Any, renderer: Renderer, answering: Any) -> None:
    items = (
        item("passages", "known", "alpha", "Velmara [2]"),
        item("passages", "known", "beta", "Velmara [2]"),
        item("passages", "held_out", "gamma", "Velmara [2]"),
        item("colours", "known", "delta", "red"),
    )
    answering({"alpha": " Velmara [2]", "beta": "Velmara [1]", "gamma": "Toria [2] ", "delta": "red and…"})
    found = score(tiny, renderer, suites.of("general", items, ABILITIES))
    assert found.right["passages_value"]["known"].tolist() == [True, True]
    assert found.right["passages_source"]["known"].tolist() == [True, False]
    assert found.right["passages_value"]["held_out"].tolist() == [False]
    assert found.right["colours"]["known"].tolist() == [False]
    assert found.right["colours"]["held_out"].tolist() == []
    assert found.of_ability("passages", "known").tolist() == [1.0, 0.5]
    assert (found.n_cut_off, found.n_too_long, found.n_refused) == (1, 0, 0)


def test_a_cut_off_answer_is_wrong_even_where_its_part_is_right(tiny: Any, renderer: Renderer, answering: Any) -> None:
    items = (item("passages", "known", "alpha", "Velmara [2]"),)
    answering({"alpha": "Velmara [1]…"})
    found = score(tiny, renderer, suites.of("general", items, ABILITIES))
    assert (found.right["passages_value"]["known"].tolist(), found.n_cut_off) == ([False], 1)


def test_a_suite_may_mark_the_beginning_of_a_cut_off_answer(tiny: Any, renderer: Renderer, answering: Any) -> None:
    items = (item("passages", "known", "alpha", "Velmara [2]"), item("passages", "known", "beta", "Velmara [2]"))
    answering({"alpha": "Velmara [1]…", "beta": "<think>Velmara…"})
    suite = dataclasses.replace(suites.of("general", items, ABILITIES), must_end=False)
    found = score(tiny, renderer, suite)
    assert (found.right["passages_value"]["known"].tolist(), found.n_cut_off) == ([True, False], 1)


def test_a_prompt_beyond_the_context_is_wrong_and_counted(tiny: Any, renderer: Renderer, answering: Any) -> None:
    items = (item("colours", "known", "long " * 300, "red"), item("colours", "known", "short", "red"))
    answering({"short": "red"})
    heard: list[tuple[int, int]] = []
    found = score(tiny, renderer, suites.of("general", items, ABILITIES), progress=lambda n, of: heard.append((n, of)))
    assert found.right["colours"]["known"].tolist() == [False, True]
    assert found.n_too_long == 1
    assert heard[-1] == (1, 1)


def test_a_conversation_that_the_template_refuses_is_wrong_and_counted(
    tiny: Any, tiny_model_folder: Path, tmp_path: Path, answering: Any
) -> None:
    for file in tiny_model_folder.glob("*.json"):
        shutil.copy(file, tmp_path / file.name)
    (tmp_path / "chat_template.jinja").write_text("{% if tools %}{{ raise_exception('no tools') }}{% endif %}x red")
    answering({"x red": "red"})
    found = score(tiny, Renderer(tmp_path), small_suite())
    assert found.n_refused == 6
    assert not found.right["tools"]["known"].any()
    assert found.right["colours"]["known"].all()


def test_real_answers_do_not_depend_on_the_company(tiny: Any, renderer: Renderer) -> None:
    suite = small_suite(4)
    heard: list[tuple[int, int]] = []
    found = score(tiny, renderer, suite, progress=lambda n, of: heard.append((n, of)))
    assert heard[-1] == (24, 24)
    assert [n for n, _ in heard] == sorted(n for n, _ in heard)
    assert {name: [len(r) for r in one.values()] for name, one in found.right.items()} == {
        "colours": [4, 4], "passages_value": [4, 4], "passages_source": [4, 4], "tools": [4, 4],
    }  # fmt: skip
    again = score(tiny, renderer, suites.of("general", suite.items[::-1], ABILITIES))
    assert again.n_cut_off == found.n_cut_off
    for name, phrasings in found.right.items():
        for phrasing, right in phrasings.items():
            assert np.array_equal(again.right[name][phrasing], right[::-1])


def test_it_ends_when_nobody_wants_the_result(tiny: Any, renderer: Renderer) -> None:
    with pytest.raises(Interrupted):
        score(tiny, renderer, small_suite(), stopped=lambda: True)


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Token limit and number of prompts of each group; answers are 20 tokens long where there is room."""
    asked: list[tuple[int, int]] = []

    def answers(_model: Any, prompts: Sequence[Any], *, max_new_tokens: int, **_given: Any) -> list[Generated]:
        asked.append((max_new_tokens, len(prompts)))
        return [Generated((5,) * min(20, max_new_tokens), ended=max_new_tokens > 20)] * len(prompts)

    monkeypatch.setattr(limited_answers, "answers", answers)
    return asked


def test_limits_follow_the_expected_answers(
    tiny: Any, renderer: Renderer, limits: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limited_answers, "ROWS_AT_ONCE", 4)
    score(tiny, renderer, small_suite(2))
    assert [n for _, n in limits] == [4, 4, 4]
    assert all(limit % limited_answers.STEP == 0 for limit, _ in limits)
    shortest = len(renderer._encode("red").ids) + 1
    assert shortest + SPARE_TOKENS <= limits[0][0] < shortest + SPARE_TOKENS + limited_answers.STEP


def test_few_items_are_answered_together_each_within_its_own_limit(
    tiny: Any, renderer: Renderer, limits: list[tuple[int, int]]
) -> None:
    found = score(tiny, renderer, small_suite(2))
    assert len(limits) == 1
    assert limits[0][0] > 20
    assert found.n_cut_off == 8, "20 tokens are too long for a colour or a passage's value, not for a call"


def test_together_they_stay_within_the_context(tiny: Any, renderer: Renderer, limits: list[tuple[int, int]]) -> None:
    items = (item("colours", "known", "long " * 200, "red"), item("tools", "known", "short", "call it " * 20))
    found = score(tiny, renderer, suites.of("general", items, ABILITIES))
    assert found.n_too_long == 0
    assert [n for _, n in limits] == [1, 1]
