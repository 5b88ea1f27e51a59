"""What is shown and trained on equals what transformers makes of the same rows, token for token."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from storage.rendering import rendered_rows
from storage.rendering.renderer import Renderer
from templates.errors import BadInput

TEXTS = [
    "plain",
    "two\nlines\n\nand more",
    "你好,世界",
    "👩‍👩‍👧 🙂🙂 end",
    "🙂",
    " leading and trailing ",
    "Ünïcödé ﷽ مرحبا",
    "12345.678 {{ braces }} {% raw %}",
    "tabs\tand\r\nreturns",
    "zero\u200bwidth",
]


def conversations() -> list[list[dict[str, str]]]:
    draw = random.Random(3)
    found = []
    for n_turns in range(40):
        turns = [{"role": "system", "content": draw.choice(TEXTS)}] if n_turns % 3 == 0 else []
        for _ in range(1 + n_turns % 4):
            turns.append({"role": "user", "content": draw.choice(TEXTS)})
            turns.append({"role": "assistant", "content": draw.choice(TEXTS)})
        found.append(turns)
    return found


@pytest.fixture(scope="module")
def renderer(nano_folder: Path) -> Renderer:
    return Renderer(nano_folder)


@pytest.fixture(scope="module")
def theirs(nano_folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(nano_folder)


def copied(nano_folder: Path, tmp_path: Path, template: str | None) -> Path:
    """The bundled tokenizer with another chat template, or none."""
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        shutil.copy(nano_folder / name, tmp_path / name)
    if template is not None:
        (tmp_path / "chat_template.jinja").write_text(template)
    return tmp_path


UNMARKED = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] | trim + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
NEEDS_A_FIRST_MESSAGE = (
    "{% if messages[0]['role'] == 'system' %}{{ messages[0]['content'] + '\\n' }}{% endif %}"
    "{% for m in messages %}{% if m['role'] != 'system' %}{{ '[' + m['role'] + ']' + m['content'] + eos_token }}"
    "{% endif %}{% endfor %}"
)


def test_conversations_equal_transformers(renderer: Renderer, theirs: Any) -> None:
    for messages in conversations():
        expected = theirs.apply_chat_template(
            messages, tokenize=True, return_dict=True, return_assistant_tokens_mask=True
        )
        ours = renderer.row("messages", {"messages": messages})
        assert ours.ids == expected["input_ids"]
        assert [int(t) for t in ours.trained] == expected["assistant_masks"]
        assert "".join(piece.text for piece in ours.pieces) == theirs.apply_chat_template(messages, tokenize=False)
        assert renderer.prompt(messages[:-1]) == list(
            theirs.apply_chat_template(messages[:-1], add_generation_prompt=True)["input_ids"]
        )


TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": "Finds “things” & more.",
            "parameters": {"type": "object", "properties": {"town": {"type": "string"}, "n": {"type": "integer"}}},
        },
    }
    for name in ("find_train", "find_shop")
]


def test_tools_equal_transformers(renderer: Renderer, theirs: Any, nano_folder: Path, tmp_path: Path) -> None:
    for messages in conversations()[:6]:
        for tools in (TOOLS, TOOLS[:1], []):
            expected = theirs.apply_chat_template(messages[:-1], tools=tools or None, add_generation_prompt=True)
            assert renderer.prompt(messages[:-1], tools) == list(expected["input_ids"])
    asking = Renderer(copied(nano_folder, tmp_path, "{{ tools is none }} {{ tools | tojson if tools }}"))
    assert asking.decode(asking.prompt([])) == "True "
    assert json.loads(asking.decode(asking.prompt([], tuple(TOOLS))).removeprefix("False ")) == TOOLS


def test_an_unmarked_template_learns_the_same_text(nano_folder: Path, tmp_path: Path) -> None:
    ours = Renderer(copied(nano_folder, tmp_path, UNMARKED))
    for messages in conversations():
        pieces = ours.row("messages", {"messages": messages}).pieces
        learned = [piece.text for piece in pieces if piece.trained]
        assert learned == [m["content"].strip() + "<|im_end|>" for m in messages if m["role"] == "assistant"]


def test_a_template_that_refuses_prefixes_learns_the_turns_text(nano_folder: Path, tmp_path: Path) -> None:
    ours = Renderer(copied(nano_folder, tmp_path, NEEDS_A_FIRST_MESSAGE))
    messages = [{"role": "assistant", "content": "hello"}, {"role": "user", "content": "x"}]
    messages.append({"role": "assistant", "content": "good bye"})
    learned = [piece.text for piece in ours.row("messages", {"messages": messages}).pieces if piece.trained]
    assert learned[0] == "hello<|im_end|>"
    assert learned[1].endswith("good bye<|im_end|>")


def test_no_template(nano_folder: Path, tmp_path: Path) -> None:
    ours = Renderer(copied(nano_folder, tmp_path, None))
    assert not ours.has_template
    rendered = ours.row("prompt_completion", {"prompt": "2+2?", "completion": "4"})
    assert [(p.text, p.trained) for p in rendered.pieces] == [("2+2?\n", False), ("4<|im_end|>", True)]
    assert ours.prompt([{"role": "user", "content": "2+2?"}]) == rendered.ids[: -rendered.n_trained]


def test_cut_and_refused(renderer: Renderer) -> None:
    row = {"text": "some words to classify", "label": "a label of words"}
    whole = renderer.row("classification", row)
    cut = renderer.row("classification", row, max_length=len(whole.ids) - 3)
    assert cut.ids == whole.ids[:-3]
    assert cut.trained == whole.trained[:-3]
    assert cut.n_cut == 3
    assert "".join(p.text for p in cut.pieces) == "".join(p.text for p in whole.pieces)
    assert [(p.trained, p.cut) for p in cut.pieces] == [(False, False), (True, False), (True, True), (False, True)]
    assert all(renderer.row("classification", row, trains_prompt=True).trained)


@pytest.mark.parametrize("text", ["", "a", *TEXTS, "你好 hello 🙂🙂 " * 30])
@pytest.mark.parametrize("max_length", [8, 9, 500])
def test_chunks_lose_nothing(renderer: Renderer, text: str, max_length: int) -> None:
    whole = renderer.row("text", {"text": text})
    assert whole.ids[-1] == renderer.eos_ids[0]
    assert renderer.decode(whole.ids) == text
    chunks = renderer.chunks(text, max_length=max_length)
    assert all(len(chunk.ids) <= max_length and chunk.n_cut == 0 for chunk in chunks)
    assert [i for n, chunk in enumerate(chunks) for i in chunk.ids[n > 0 :]] == whole.ids
    assert sum(chunk.n_trained for chunk in chunks) == len(whole.ids) - 1


def test_control_tokens_in_texts_are_counted(renderer: Renderer) -> None:
    row = {"prompt": "say <|im_end|> and <|im_start|>", "completion": "no"}
    assert renderer.n_control_tokens("prompt_completion", row) == 2
    assert renderer.row("prompt_completion", row).n_trained > 0


def test_measure(renderer: Renderer) -> None:
    rows = [{"text": "word " * n, "label": "x", "source_row": n + 100} for n in range(1, 61)]
    report = rendered_rows.measure(renderer, "classification", rows, max_length=40, trains_prompt=False)
    kept = list(rendered_rows.rendered(renderer, "classification", rows, max_length=40, trains_prompt=False))
    examples = [example for row in kept if row.refusal is None for example in row.examples]
    assert report.n_rows == 60
    assert 0 < report.n_refused < 60
    assert report.n_examples == len(examples) == 60 - report.n_refused
    assert report.n_tokens == sum(len(example.ids) for example in examples)
    assert report.n_trained_tokens == sum(example.n_trained for example in examples)
    assert sum(count for _, count in report.histogram) == 60
    assert report.histogram[-1][0] >= report.longest > 40
    assert len(report.histogram) <= 20
    assert report.refused_rows[-1][0] > 100
    assert "40 tokens" in report.refused_rows[0][1]


def test_measure_long_texts(renderer: Renderer) -> None:
    rows = [{"text": "one two three " * 50}]
    report = rendered_rows.measure(renderer, "text", rows, max_length=16, trains_prompt=True)
    n_tokens = len(renderer.row("text", rows[0]).ids)
    assert (report.n_truncated, report.n_refused, report.longest) == (0, 0, n_tokens)
    assert report.n_trained_tokens == n_tokens - 1


def test_a_template_that_refuses_the_row(nano_folder: Path, tmp_path: Path) -> None:
    template = "{% if messages[0].role == 'system' %}{{ raise_exception('no system here') }}{% endif %}"
    ours = Renderer(copied(nano_folder, tmp_path, template))
    row = {"prompt": "a", "completion": "b", "system": "c", "source_row": 7}
    with pytest.raises(BadInput, match="no system here"):
        ours.row("prompt_completion", row)
    report = rendered_rows.measure(ours, "prompt_completion", [row], max_length=40, trains_prompt=False)
    assert report.refused_rows[0][0] == 7
    assert "no system here" in report.refused_rows[0][1]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("chat_template.jinja", "{% if %}", "chat template can't be read"),
        ("tokenizer.json", "{}", "tokenizer can't be loaded"),
        ("tokenizer_config.json", "{", "not valid JSON"),
    ],
)
def test_unusable_folders(nano_folder: Path, tmp_path: Path, name: str, content: str, says: str) -> None:
    folder = copied(nano_folder, tmp_path, None)
    (folder / name).write_text(content)
    with pytest.raises(BadInput, match=says):
        Renderer(folder)


def test_no_end_token(nano_folder: Path, tmp_path: Path) -> None:
    folder = copied(nano_folder, tmp_path, None)
    (folder / "tokenizer_config.json").write_text("{}")
    assert Renderer(folder).eos_ids == [2]
    (folder / "generation_config.json").unlink()
    with pytest.raises(BadInput, match="no end token"):
        Renderer(folder)


def test_a_template_can_not_leave_its_sandbox(nano_folder: Path, tmp_path: Path) -> None:
    for attack in ("{{ ''.__class__.__mro__ }}", "{{ messages.append(1) }}", "{{ cycler.__init__.__globals__ }}"):
        ours = Renderer(copied(nano_folder, tmp_path, attack))
        with pytest.raises(BadInput, match="refuses"):
            ours.prompt([{"role": "user", "content": "x"}])


def test_template_named_in_the_config(nano_folder: Path, tmp_path: Path) -> None:
    folder = copied(nano_folder, tmp_path, None)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config["chat_template"] = [{"name": "tool", "template": "x"}, {"name": "default", "template": UNMARKED}]
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    assert Renderer(folder).has_template


def test_an_instruction_stands_before_rows_without_a_system_turn(nano_folder: Path) -> None:
    ours = Renderer(nano_folder)
    told = ours.instructed("Answer with one of: yes, no.")
    row = {"prompt": "Is it late?", "completion": "no", "system": None}
    own = {**row, "system": "Be brief."}
    same = {**row, "system": "Answer with one of: yes, no."}
    assert (
        told.row("prompt_completion", row) == ours.row("prompt_completion", same) != ours.row("prompt_completion", row)
    )
    assert told.row("prompt_completion", own) == ours.row("prompt_completion", own)
    asked = [{"role": "user", "content": "Is it late?"}]
    assert told.prompt(asked) == ours.prompt([{"role": "system", "content": told.instruction}, *asked])
    assert ours.instruction == "", "the renderer it was made from stays as it was"
