"""Reasoning, empty or not, is not part of an answer; an answer cut off in it is none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from storage.rendering import rendered_rows
from storage.rendering.reasoning import Reasoning, ReasoningStream, Words
from storage.rendering.renderer import Renderer
from templates.errors import BadInput
from tests.storage.rendering import public_templates
from tests.storage.rendering.public_templates import EOS, NAMES, end_of

QUESTION = {"role": "user", "content": "2+2?"}
ANSWER = {"role": "assistant", "content": "4"}
REASONED = {**ANSWER, "reasoning_content": "Two and two."}
OWN_WORDS = {
    "gptoss": Words("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    "diffusion_gemma": Words("<|channel>thought", "<channel|>"),
    "gemma4_v5": Words("<|channel>thought", "<channel|>"),
    "muse_glimmer": Words("to=self<|message|>", "<|eom|><|start|>assistant to=user<|message|>"),
}


@pytest.fixture(scope="module")
def renderers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Renderer]:
    folder = tmp_path_factory.mktemp("templates")
    return {name: public_templates.renderer(folder / name, name) for name in NAMES}


def generated(renderer: Renderer, turn: Mapping[str, str]) -> list[int]:
    """What a model that learned this turn says after the prompt, without the token that ended it."""
    ids = renderer.row("messages", {"messages": [QUESTION, turn]}).ids
    said = ids[len(renderer.prompt([QUESTION])) :]
    stop = next(place for place, token in enumerate(said) if token in renderer.eos_ids)
    return said[:stop]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_model_learned_to_say_is_read_as_its_answer(renderers: Mapping[str, Renderer], name: str) -> None:
    renderer = renderers[name]
    said = renderer.read(generated(renderer, ANSWER))
    assert (said.answer, said.reasoning, said.is_unfinished) == ("4", None, False)
    assert renderer.reasoning.words[0] == OWN_WORDS.get(name, Words("<think>", "</think>"))


@pytest.mark.parametrize("name", NAMES)
def test_reasoning_is_read_apart_while_it_arrives_and_after(renderers: Mapping[str, Renderer], name: str) -> None:
    renderer = renderers[name]
    try:
        ids = generated(renderer, REASONED)
    except BadInput:
        return  # the template has no place for it
    said = renderer.read(ids)
    assert (said.answer, said.reasoning) == ("4", "Two and two.")
    text, stream = renderer.decode_all(ids), renderer.stream()
    parts = [stream.take(sign) for sign in text] + [stream.take("", is_last=True)]
    thought, answer = ("".join(part) for part in zip(*parts, strict=True))
    assert (thought.strip(), renderer.without_control_tokens(answer).strip()) == ("Two and two.", "4")
    unfinished = renderer.read(ids[: len(ids) // 2])
    assert (unfinished.answer, unfinished.is_unfinished) == ("", True)


@pytest.mark.parametrize("name", NAMES)
def test_programs_outside_the_studio_read_the_same(renderers: Mapping[str, Renderer], name: str) -> None:
    renderer, reasoning = renderers[name], renderers[name].reasoning
    for turn in (ANSWER, REASONED):
        try:
            ids = generated(renderer, turn)
        except BadInput:
            continue
        text = (reasoning.words[0].opens if reasoning.begins_open else "") + renderer.decode_all(ids)
        rest = re.sub(reasoning.pattern, "", text, count=1, flags=re.DOTALL)
        assert renderer.without_control_tokens(rest).strip() == "4"


@pytest.mark.parametrize("name", NAMES)
def test_the_token_that_ends_a_turn_ends_answers(renderers: Mapping[str, Renderer], name: str) -> None:
    renderer = renderers[name]
    last = re.findall(r"<[^<]+>", end_of(name))[-1]
    assert renderer.decode_all(renderer.eos_ids[:1]) == EOS
    assert last in [renderer.decode_all([token]) for token in renderer.eos_ids]


def test_a_token_that_also_ends_reasoning_ends_answers_only(renderers: Mapping[str, Renderer]) -> None:
    renderer = renderers["gptoss"]
    ends = [renderer.decode_all([token]) for token in renderer.eos_ids]
    assert "<|return|>" in ends
    assert "<|call|>" in ends
    assert "<|end|>" not in ends
    said = renderer.reasoning.split("<|channel|>final<|message|>4<|end|><|start|>user<|message|>more")
    assert (said.answer, said.has_ended) == ("4", True)


def test_words_in_an_answer_are_the_answers() -> None:
    plain = Reasoning()
    assert plain.split("a <think> b").answer == "a <think> b"
    assert plain.split("\n<think></think><think>x</think> y").answer == " y"
    assert plain.split_text("<think>x</think>y") == "y"
    assert plain.split_text("<think>x") == "<think>x"
    stream = ReasoningStream(plain)
    assert [stream.take(part) for part in ("<th", "ing> and", " <think>")] == [
        ("", ""),
        ("", "<thing> and"),
        ("", " <think>"),
    ]


def test_rows_whose_earlier_reasoning_is_left_out_learn_the_last_answer_and_say_so(
    renderers: Mapping[str, Renderer],
) -> None:
    row = {"messages": [QUESTION, REASONED, QUESTION, REASONED], "source_row": 1}
    made = renderers["qwen3"].row("messages", row)
    assert made.is_last_only
    assert [piece.text for piece in made.pieces if piece.trained] == ["<think>\nTwo and two.\n</think>\n\n4<|im_end|>"]
    plain = {"messages": [QUESTION, ANSWER, QUESTION, ANSWER], "source_row": 2}
    report = rendered_rows.measure(renderers["qwen3"], "messages", [row, plain], max_length=500, trains_prompt=False)
    assert report.n_last_only == 1
    assert report.template_words == [
        "1 row: the base model's chat template leaves out part of the earlier answers, such as their reasoning, so the "
        "model learns only the last answer."
    ]
    with pytest.raises(BadInput, match="leaves out"):
        renderers["deepseekv3"].row("messages", {"messages": [QUESTION, REASONED]})


def test_a_system_text_goes_before_the_first_user_turn_where_there_is_no_system_role(
    renderers: Mapping[str, Renderer], tmp_path: Path
) -> None:
    from transformers import AutoTokenizer

    row = {"messages": [{"role": "system", "content": "Be short."}, QUESTION, ANSWER], "source_row": 1}
    renderer = renderers["gemma"]
    assert "user\nBe short.\n\n2+2?<end_of_turn>" in "".join(p.text for p in renderer.row("messages", row).pieces)
    report = rendered_rows.measure(renderer, "messages", [row], max_length=500, trains_prompt=False)
    assert (report.n_refused, report.n_system_moved) == (0, 1)
    assert "no system role" in report.template_words[0]
    instructed = renderer.instructed("Be short.")
    assert instructed.moves_system("prompt_completion", {"prompt": "2+2?", "completion": "4"})
    theirs = AutoTokenizer.from_pretrained(renderer.folder, chat_template=renderer.template)
    asked = theirs.apply_chat_template(row["messages"][:2], add_generation_prompt=True)["input_ids"]
    assert renderer.prompt(row["messages"][:2]) == list(asked)
    for name in NAMES:
        text = "".join(piece.text for piece in renderers[name].row("messages", row).pieces)
        assert "Be short." in text
        assert renderers[name].mended.moves_system == (name == "gemma"), name


def test_only_templates_that_need_it_are_mended(renderers: Mapping[str, Renderer]) -> None:
    changed = {name for name, renderer in renderers.items() if renderer.template != public_templates.source(name)}
    nemotrons = {name for name in NAMES if name.startswith("nemotron")}
    parts = {"idefics3", "llava_next", "smolvlm"}
    assert changed == {"gemma", "glm4moe", "deepseek_r1_distill", "deepseekv3", *nemotrons, *parts}
    asks_shorter = {name for name, renderer in renderers.items() if renderer.mended.asks_shorter}
    assert asks_shorter == {"deepseek_r1_distill", "deepseekv3", *nemotrons}
    assert [name for name, renderer in renderers.items() if renderer.mended.ends_last] == ["glm4moe"]


def test_a_base_models_own_end_token_and_its_templates_both_end_answers(tmp_path: Path) -> None:
    source = public_templates.source("qwen2_5")
    renderer = Renderer(public_templates.write(tmp_path, source))
    assert [renderer.decode_all([token]) for token in renderer.eos_ids] == [EOS, "<|im_end|>"]
    text = "<|im_start|>user\n?<|im_end|>\n<|im_start|>assistant\nyes<|im_end|>\n"
    ids, answers = renderer.plain(text)
    assert renderer.decode_all([i for i, is_in in zip(ids, answers, strict=True) if is_in]) == "yes<|im_end|>"
