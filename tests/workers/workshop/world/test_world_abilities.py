"""Every ability makes whole conversations in both phrasings, with answers that follow from the prompt."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from storage.rendering.chat_templates import ChatTemplate
from templates.spec.suite import Phrasing
from templates.suites.general import ABILITIES
from workers.workshop.world import abilities
from workers.workshop.world.ability import CHAT_TEMPLATE, AbilityGenerator, Example, text
from workers.workshop.world.draw import Draw, Phrases
from workers.workshop.world.facts import world
from workers.workshop.world.lists import kinds, lists

PHRASINGS: tuple[Phrasing, ...] = ("known", "held_out")
each_ability = pytest.mark.parametrize("ability", abilities().values(), ids=lambda a: a.key)
each_phrasing = pytest.mark.parametrize("phrasing", PHRASINGS)


def examples(key: str, phrasing: Phrasing = "known", n: int = 100) -> list[Example]:
    """Items of an ability, as the suite makes them."""
    random = Random(f"{key} {phrasing}")
    return [abilities()[key].question(Draw(random, world(), phrasing, number)) for number in range(n)]


def question(example: Example) -> str:
    return example.messages[-2]["content"]


def test_a_file_is_an_ability() -> None:
    files = {p.stem for p in (Path(CHAT_TEMPLATE).parent / "abilities").glob("*.py")} - {"__init__"}
    assert list(abilities()) == sorted(files)


def test_every_ability_has_its_marking() -> None:
    assert list(ABILITIES) == list(abilities())


@each_ability
def test_an_ability_says_what_it_is(ability: AbilityGenerator) -> None:
    assert len(ability.page) > 20
    assert ABILITIES[ability.key].title
    assert ABILITIES[ability.key].parts
    assert 0 <= ability.share < 0.2


@each_ability
@each_phrasing
def test_examples_are_whole_conversations(ability: AbilityGenerator, phrasing: Phrasing) -> None:
    random = Random(f"{ability.key} {phrasing}")
    for number in range(60):
        documents = ability.make(Draw(random, world(), phrasing))
        item = ability.question(Draw(random, world(), phrasing, number))
        for example in (documents, item):
            roles = [message["role"] for message in example.messages]
            assert roles[-1] == "assistant"
            assert roles[0] == "user"
            assert all(a != b for a, b in pairwise(roles))
            for message in example.messages:
                assert message["content"] == message["content"].strip() != ""
                assert not re.search(r"\{\w*\}", message["content"].replace("{}", "")), message
                assert "<|" not in message["content"]
            for part in ABILITIES[ability.key].parts.values():
                assert part(example.answer) == part(f" {example.answer}")


@each_ability
def test_instructions_have_enough_phrasings(ability: AbilityGenerator, every_phrases: list[Phrases]) -> None:
    seen = {phrasing: {question(e) for e in examples(ability.key, phrasing, 60)} for phrasing in PHRASINGS}
    assert len(seen["known"]) >= 5
    assert len(seen["held_out"]) >= 2
    assert seen["known"].isdisjoint(seen["held_out"])


def test_declared_phrasings_are_enough_and_apart(every_phrases: list[Phrases]) -> None:
    assert len(every_phrases) > 60
    for phrases in every_phrases:
        assert len(phrases.known) >= 3
        assert len(phrases.held_out) >= 1
        assert set(phrases.known).isdisjoint(phrases.held_out)


@each_ability
def test_the_text_is_what_the_bundled_template_writes(ability: AbilityGenerator, drawn: Callable[..., Draw]) -> None:
    from transformers.utils.chat_template_utils import render_jinja_template

    source = CHAT_TEMPLATE.read_text(encoding="utf-8")
    for phrasing in PHRASINGS:
        example = ability.make(drawn(phrasing, ability.key))
        prompted = Example(({"role": "system", "content": "Be kind."}, *example.messages), example.tools)
        for written in (example, prompted):
            rendered, _ = render_jinja_template(
                conversations=[list(written.messages)], tools=list(written.tools) or None, chat_template=source
            )
            assert rendered[0] == text(written) + "\n"


def test_the_studio_finds_the_answers_in_the_bundled_template() -> None:
    template = ChatTemplate(CHAT_TEMPLATE.read_text(encoding="utf-8"), {"eos_token": "<|im_end|>"})
    example = abilities()["addition"].make(Draw(Random("spans"), world()))
    written, spans = template.spans(example.messages)
    answers = [m["content"] for m in example.messages if m["role"] == "assistant"]
    assert [written[start:end] for start, end in spans] == [f" {answer}<|im_end|>" for answer in answers]
    assert template.text(example.messages[:1], add_generation_prompt=True).endswith("<|im_start|>assistant\n")


def test_structured_tool_calls_are_written_as_the_answers_are() -> None:
    template = ChatTemplate(CHAT_TEMPLATE.read_text(encoding="utf-8"), {})
    example = examples("tool_calls", n=1)[0]
    call = json.loads(example.answer.removeprefix("<tool_call>").removesuffix("</tool_call>"))
    structured = [*example.messages[:-1], {"role": "assistant", "tool_calls": [{"type": "function", "function": call}]}]
    assert template.text(structured) == template.text(example.messages)


@each_phrasing
def test_sums_are_right(phrasing: Phrasing) -> None:
    for example in examples("addition", phrasing):
        found = re.search(r"(\d) \+ (\d)", question(example))
        assert found
        assert int(example.answer) == int(found[1]) + int(found[2])


def test_every_line_of_a_sheet_of_sums_is_right(drawn: Callable[..., Draw]) -> None:
    draw, lines = drawn(), []
    for _ in range(100):
        lines += [m["content"] for m in abilities()["addition"].make(draw).messages if " = " in m["content"]]
    assert len(lines) > 20
    for line in "\n".join(lines).splitlines():
        a, sign, b, _, result = line.split()
        assert int(result) == (int(a) + int(b) if sign == "+" else int(a) - int(b)) >= 0


def test_repeated_words_are_those_of_the_question() -> None:
    assert all(question(example).endswith(example.answer) for example in examples("repeat"))


def test_counts_are_right() -> None:
    for example in examples("count"):
        words = re.search(r"(?:[:?] )(.+)$|^(.+)\n", question(example))
        assert words
        assert len((words[1] or words[2]).split()) == int(example.answer)


def test_one_word_is_replaced() -> None:
    for example in examples("replace"):
        answer = example.answer.split()
        lines = [line for line in re.split(r": |\n", question(example)) if len(line.split()) == len(answer)]
        assert any(sum(a != b for a, b in zip(line.split(), answer, strict=True)) == 1 for line in lines)


def test_listed_words_are_all_those_of_the_kind() -> None:
    for example in examples("list_items"):
        kind = next(k for k in sorted(kinds(), key=len, reverse=True) if re.search(rf"\b{k}\b", question(example)))
        listed = example.answer.split(", ")
        assert set(listed) <= set(kinds()[kind])


@each_phrasing
def test_a_text_holds_the_answer_or_does_not(phrasing: Phrasing) -> None:
    for example in examples("reading", phrasing):
        assert example.answer.removesuffix(".") in question(example)
    for example in examples("unanswerable", phrasing):
        assert example.answer == "The text does not say."


def test_the_twins_are_alike_in_length_and_names() -> None:
    lengths, named = {}, {}
    for key in ("reading", "unanswerable"):
        found = [question(e) for e in examples(key, n=1000)]
        lengths[key] = sum(len(q.split()) for q in found) / len(found)
        named[key] = sum(len(re.findall(r"\b[A-Z]\w+", q)) for q in found) / len(found)
    assert lengths["reading"] == pytest.approx(lengths["unanswerable"], rel=0.06)
    assert named["reading"] == pytest.approx(named["unanswerable"], rel=0.06)


def test_half_of_the_unanswerable_documents_begin_with_an_answerable_twin(drawn: Callable[..., Draw]) -> None:
    draw = drawn()
    for key in ("unanswerable", "passages_unanswerable"):
        firsts = [abilities()[key].make(draw).messages[1]["content"] for _ in range(600)]
        assert sum("not say" in answer for answer in firsts) == pytest.approx(300, abs=60)


def test_a_citation_mostly_follows_its_value() -> None:
    found = examples("passages", n=400)
    assert sum(example.answer in question(example) for example in found) / len(found) > 0.65
    for example in found:
        cited = re.fullmatch(r"(.+) \[([1-4])\]\.", example.answer)
        assert cited
        passage = next(line for line in question(example).splitlines() if line.endswith(f"[{cited[2]}]."))
        assert cited[1] in passage


def test_json_answers_hold_what_the_text_says() -> None:
    for example in examples("json_extraction"):
        for found in json.loads(example.answer).values():
            assert str(found) in question(example)


def test_calls_fit_the_tools_they_were_offered() -> None:
    types = {"string": str, "integer": int}
    for phrasing in PHRASINGS:
        for example in examples("tool_calls", phrasing):
            call = json.loads(example.answer.removeprefix("<tool_call>").removesuffix("</tool_call>"))
            offered = {tool["function"]["name"]: tool["function"]["parameters"] for tool in example.tools}
            assert 2 <= len(offered) <= 4
            wanted = offered[call["name"]]
            assert set(call["arguments"]) == set(wanted["required"])
            for name, given in call["arguments"].items():
                assert isinstance(given, types[wanted["properties"][name]["type"]])
                assert str(given) in question(example)


@each_phrasing
def test_a_label_was_shown_four_times_and_the_text_was_not(phrasing: Phrasing) -> None:
    for example in examples("label_mapping", phrasing):
        *shown, asked = [
            part for part in re.split(r"\n(?=Input:|Text:|Q:|In:|Example:)|\n+", question(example)) if part
        ]
        assert "\n".join(shown).count(example.answer) >= 4
        assert asked not in shown


def test_feelings_and_topics_are_among_the_choices() -> None:
    for key, labels in (("sentiment", ("positive", "negative", "neutral")), ("topic", tuple(lists()["topics"]))):
        for example in examples(key):
            assert example.answer in labels
            assert example.answer in question(example)
