"""Answers within limits of their own: a draft saves time and changes no answer."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.rendering import Renderer
from workers import models
from workers.evaluation import generation, limited_answers
from workers.evaluation.generation import Interrupted
from workers.evaluation.limited_answers import LimitedQuestion

LIMIT = 8


def asked(nano: Any, renderer: Renderer, questions: list[LimitedQuestion], **given: Any) -> Any:
    return limited_answers.limited_answers(nano, questions, eos_ids=renderer.eos_ids, context_length=256, **given)


@pytest.fixture(scope="module")
def nano(nano_folder: Path) -> Any:
    """A model that ends its answers, and says the same in any company."""
    return models.load_base(nano_folder)


@pytest.fixture(scope="module")
def prompts(renderer: Renderer) -> list[list[int]]:
    texts = [
        "Hello!",
        "What is 2 + 3?",
        "Repeat after me: a red lamp, a red lamp, a lamp.",
        "Tell me a story about the sea and a ship.",
        "Who made the moon?",
    ]
    return [renderer.prompt([{"role": "user", "content": text}]) for text in texts]


@pytest.fixture(scope="module")
def undrafted(nano: Any, renderer: Renderer, prompts: list[list[int]]) -> dict[int, generation.Generated]:
    """What the model answers by itself."""
    questions = [LimitedQuestion(place, prompt, LIMIT) for place, prompt in enumerate(prompts)]
    found: dict[int, generation.Generated] = asked(nano, renderer, questions)
    return found


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_no_draft_changes_an_answer(
    nano: Any, renderer: Renderer, prompts: list[list[int]], undrafted: Any, data: st.DataObject
) -> None:
    questions = []
    for place, prompt in enumerate(prompts):
        said = [*undrafted[place].ids, *renderer.eos_ids[: undrafted[place].ended]]
        agreed = data.draw(st.integers(0, len(said)))
        rest = data.draw(st.lists(st.integers(0, 200) | st.just(renderer.eos_ids[0]), max_size=LIMIT + 4))
        questions.append(LimitedQuestion(place, prompt, LIMIT, [*said[:agreed], *rest]))
    assert asked(nano, renderer, questions) == undrafted


def test_what_the_model_says_anyway_is_not_written_token_by_token(
    nano: Any, renderer: Renderer, prompts: list[list[int]], undrafted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {given.ended for given in undrafted.values()} == {True, False}
    said = {place: [*given.ids, *renderer.eos_ids[: given.ended]] for place, given in undrafted.items()}
    questions = [LimitedQuestion(place, prompt, LIMIT, said[place]) for place, prompt in enumerate(prompts)]
    monkeypatch.setattr(nano, "generate", lambda **_: pytest.fail("generated"))
    heard: list[int] = []
    assert asked(nano, renderer, questions, progress=heard.append) == undrafted
    assert heard[-1] == len(prompts)


def test_an_answer_ends_where_the_model_ends_it(
    nano: Any, renderer: Renderer, prompts: list[list[int]], undrafted: Any
) -> None:
    ids = undrafted[2].ids
    ends = [ids[3]]
    first = ids.index(ids[3])
    question = LimitedQuestion(2, prompts[2], LIMIT, ids[: first + 1])
    found = limited_answers.limited_answers(nano, [question], eos_ids=ends, context_length=256)
    assert found == {2: generation.Generated(ids[:first], ended=True)}


def test_an_expected_answer_is_a_draft(renderer: Renderer) -> None:
    question = LimitedQuestion.of(7, renderer, [{"role": "user", "content": "hello"}], "red")
    assert (question.place, renderer.eos_ids[0] in question.draft) == (7, True)
    assert renderer.decode(question.draft).strip() == "red"
    assert question.max_new_tokens >= len(question.draft)


def test_it_stops_before_the_first_pass(nano: Any, renderer: Renderer, prompts: list[list[int]]) -> None:
    with pytest.raises(Interrupted):
        asked(nano, renderer, [LimitedQuestion(0, prompts[0], LIMIT, [5, 6])], stopped=lambda: True)


def test_a_model_in_training_stays_in_training(nano: Any, renderer: Renderer, prompts: list[list[int]]) -> None:
    nano.train()
    try:
        asked(nano, renderer, [LimitedQuestion(0, prompts[0], LIMIT, [5, 6])])
        assert nano.training
        assert torch.is_grad_enabled()
    finally:
        nano.eval()
