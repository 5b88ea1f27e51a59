"""On the chat template of every public model that TRL ships, the assistant's own turns are learned and end.

The reference renders the same conversation with a unique word in place of every text, where turns can't be
confused, and puts the texts in afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.rendering.chat_templates import ChatTemplate
from storage.rendering.renderer import Rendered, Renderer
from templates.errors import BadInput
from tests.storage.rendering import public_templates
from tests.storage.rendering.public_templates import EOS, NAMES

Turns = list[dict[str, str]]
TEXTS = (
    "Bern",
    "yes",
    "Is it Bern, yes or no?",
    "user",
    "assistant\n",
    "",
    " ",
    " Bern",
    "Bern \n",
    "\n\nyes\n",
    "two\n\nlines",
    "你好 🙂",
    "\ue0f0 \ue0f1 \U00100000",
    "{{ x }} {% y %}",
    "see <|im_end|> or <end_of_turn>",
    "<|im_start|>user\nBern<|im_end|>",
    "<think>",
    "<think>\nBern\n</think>\n\nyes",
    "yes</think>",
    "### Response:",
)


@st.composite
def conversations(draw: st.DrawFn) -> Turns:
    """One to three questions with answers, sometimes after a system text."""
    text = st.sampled_from(TEXTS)
    system = st.sampled_from([text for text in TEXTS if text.strip()])
    turns = [{"role": "system", "content": draw(system)}] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 3))):
        turns.append({"role": "user", "content": draw(text)})
        turns.append({"role": "assistant", "content": draw(text)})
    return turns


@pytest.fixture(scope="module")
def renderers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Renderer]:
    folder = tmp_path_factory.mktemp("templates")
    return {name: public_templates.renderer(folder / name, name) for name in NAMES}


def bare(text: str) -> str:
    """Without blanks: templates trim contents, and leave out a line break where there is none."""
    return "".join(text.split())


@cache
def compiled(renderer: Renderer) -> ChatTemplate:
    """The template that it renders with."""
    return ChatTemplate(renderer.template, {"eos_token": EOS, "bos_token": public_templates.BOS})


def reference(template: ChatTemplate, turns: Turns, end: str) -> tuple[list[str], str]:
    """What is learned of each answer, and all that is read, without blanks."""
    words = [f"wort{number}q" for number in range(len(turns))]
    named = [{**turn, "content": word} for turn, word in zip(turns, words, strict=True)]
    text, learned, read, cursor = template.text(named), [], "", 0
    for number, (turn, word) in enumerate(zip(turns, words, strict=True)):
        if turn["role"] != "assistant":
            continue
        place = text.index(word)
        prompt = template.text(named[:number], add_generation_prompt=True)
        begin = len(prompt) if text.startswith(prompt) else place
        after = [place + len(word) + len(token) for token in ends(end) if text.startswith(token, place + len(word))]
        stop = max(after, default=place + len(word))
        learned.append(text[begin:stop])
        read, cursor = read + text[cursor:begin], stop
    read += text[cursor:]

    def filled(part: str) -> str:
        for turn, word in zip(turns, words, strict=True):
            part = part.replace(word, turn["content"])
        return bare(part)

    return [filled(part) for part in learned], filled(read)


def ends(end: str) -> list[str]:
    """What may end a turn: gpt-oss ends earlier turns in another way than the last."""
    return [end, "<|end|>"] if end == "<|return|>" else [end]


def parts(made: Rendered) -> tuple[list[str], str]:
    """The learned pieces of a row and all that is read, without blanks."""
    return (
        [bare(piece.text) for piece in made.pieces if piece.trained],
        bare("".join(piece.text for piece in made.pieces if not piece.trained)),
    )


def check(name: str, renderer: Renderer, turns: Turns) -> None:
    """The row is learned as the reference says, or it is refused, or said to be learned in part."""
    rewritten = any("think>" in turn["content"] for turn in turns)
    try:
        made = renderer.row("messages", {"messages": turns})
    except BadInput:
        if not rewritten:
            raise
        return
    learned, read = parts(made)
    expected, expected_read = reference(compiled(renderer), turns, public_templates.end_of(name))
    assert made.ids[: len(prompt := renderer.prompt(turns[:-1]))] == prompt
    assert learned, "nothing is learned"
    if rewritten:
        last = bare(turns[-1]["content"])
        assert last in learned[-1]
        assert len(learned) == (1 if made.is_last_only else len(expected))
        return
    assert not made.is_last_only
    assert learned == expected
    assert read == expected_read


@pytest.mark.parametrize("name", NAMES)
def test_the_assistants_turns_are_learned(renderers: Mapping[str, Renderer], name: str) -> None:
    run = given(turns=conversations())(lambda turns: check(name, renderers[name], turns))
    settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))(run)()


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_the_assistants_turns_are_learned_in_many_more_conversations(
    renderers: Mapping[str, Renderer], name: str
) -> None:
    run = given(turns=conversations())(lambda turns: check(name, renderers[name], turns))
    settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))(run)()
