"""Conversations with tools are written whole, learned but for the tools' results, or refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from storage.rendering import rendered_rows
from storage.rendering.chat_templates import CLOSE
from storage.rendering.renderer import Renderer
from storage.rendering.whole_turns import ToolsLeftOut
from templates.errors import BadInput
from tests.storage.rendering.tool_talk import call, plain, talk, tool

CALLS = (
    "{% for c in m.tool_calls or [] %}{{ '<call>' + c.function.name + (c.function.arguments | tojson) }}{% endfor %}"
)
TURN = "{{ '[' + m.role + ']' }}%s{{ '<|im_end|>' }}"
OFFERED = "{% for t in tools or [] %}{{ t | tojson }}{% endfor %}"
EACH = "{% for m in messages %}%s{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"
KNOWS = OFFERED + EACH.replace("%s", TURN.replace("%s", "{{ m.content or '' }}" + CALLS))


@pytest.fixture
def with_template(nano_folder: Path, tmp_path: Path) -> Any:
    """The bundled tokenizer with another chat template."""

    def made(template: str | None) -> Renderer:
        for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
            shutil.copy(nano_folder / name, tmp_path / name)
        if template is not None:
            (tmp_path / "chat_template.jinja").write_text(template)
        return Renderer(tmp_path)

    return made


def learned(renderer: Renderer, row: dict[str, Any]) -> list[str]:
    return [piece.text for piece in renderer.row("messages", row).pieces if piece.trained]


def test_the_bundled_template_equals_transformers(nano_folder: Path) -> None:
    from transformers import AutoTokenizer

    theirs, ours = AutoTokenizer.from_pretrained(nano_folder), Renderer(nano_folder)
    for row in (talk(), talk(ends_with_call=True), {**talk("Oslo"), "tools": []}):
        expected = theirs.apply_chat_template(
            row["messages"], tools=row["tools"] or None, return_dict=True, return_assistant_tokens_mask=True
        )
        made = ours.row("messages", row)
        assert made.ids == expected["input_ids"]
        assert [int(one) for one in made.trained] == expected["assistant_masks"]


def test_calls_are_learned_and_results_are_not(nano_folder: Path) -> None:
    assert learned(Renderer(nano_folder), talk()) == [
        ' <tool_call>{"name": "find_train", "arguments": {"town": "Bern"}}</tool_call><|im_end|>',
        " At 9:40.<|im_end|>",
    ]


def test_a_template_without_markers_learns_the_same(with_template: Any) -> None:
    assert learned(with_template(KNOWS), talk()) == [
        '<call>find_train{"town": "Bern"}<|im_end|>',
        "At 9:40.<|im_end|>",
    ]


def test_a_call_is_found_where_the_last_turn_is_written_otherwise(with_template: Any) -> None:
    thinks = "{% if loop.last and m.role == 'assistant' %}{{ '<think>\\n</think>' }}{% endif %}{{ m.content or '' }}"
    opens = "{{ '[' + m.role + ']\\n' }}" + thinks + CALLS + "{{ '<|im_end|>' }}"
    asks = EACH.replace("[assistant]", "{{ '[assistant]\\n<think>\\n</think>' }}")
    assert learned(with_template(OFFERED + asks.replace("%s", opens)), talk()) == [
        '<call>find_train{"town": "Bern"}<|im_end|>',
        "At 9:40.<|im_end|>",
    ]


def test_several_calls_in_a_turn_are_all_written_or_refused(with_template: Any) -> None:
    row = talk()
    row["messages"][1]["tool_calls"].append(call("Oslo"))
    assert learned(with_template(KNOWS), row)[0].count("<call>") == 2
    first_only = with_template(KNOWS.replace("m.tool_calls or []", "(m.tool_calls or [])[:1]"))
    assert learned(first_only, talk())
    with pytest.raises(BadInput, match="leaves out tool calls") as refused:
        first_only.row("messages", row)
    assert not isinstance(refused.value, ToolsLeftOut)


IGNORANT = {
    "ignores everything": EACH.replace("%s", TURN.replace("%s", "{{ m.content or '' }}")),
    "ignores the tools": KNOWS.removeprefix(OFFERED),
    "ignores the results": KNOWS.replace("{{ m.content or '' }}", "{{ '' if m.role == 'tool' else m.content or '' }}"),
    "ignores the arguments": KNOWS.replace(" + (c.function.arguments | tojson)", ""),
    "needs texts": EACH.replace("%s", "{{ m.content + '<|im_end|>' }}"),
    "has none": None,
}


@pytest.mark.parametrize("case", IGNORANT)
def test_a_template_that_does_not_know_tools_refuses_the_rows_that_use_them(with_template: Any, case: str) -> None:
    renderer = with_template(IGNORANT[case])
    with pytest.raises(ToolsLeftOut, match="does not support tools"):
        renderer.row("messages", talk())
    assert learned(renderer, plain(3))
    rows = [{**plain(1), "source_row": 1}, {**talk(), "source_row": 2}, {**talk("Riga"), "source_row": 3}]
    report = rendered_rows.measure(renderer, "messages", rows, max_length=200, trains_prompt=False)
    assert (report.n_refused, report.n_without_tools, report.first_without_tools) == (2, 2, 2)


def test_tools_that_are_offered_and_not_called_must_be_there_too(with_template: Any) -> None:
    row = {**plain(3), "tools": [tool("one"), tool("two")]}
    assert "two" in with_template(KNOWS).row("messages", row).pieces[0].text
    with pytest.raises(ToolsLeftOut):
        with_template(IGNORANT["ignores everything"]).row("messages", row)


REASONED = {
    "messages": [
        {"role": "user", "content": "2+2?"},
        {"role": "assistant", "content": "4", "reasoning_content": "Two and two."},
        {"role": "user", "content": "And 3+3?"},
        {"role": "assistant", "content": "6", "reasoning_content": "Three and three."},
    ]
}


def test_reasoning_is_written_by_the_template_that_knows_it_else_before_the_answer(with_template: Any) -> None:
    thinks = KNOWS.replace("{{ m.content or '' }}", "{{ '~' + (m.reasoning_content or '') + '~' + (m.content or '') }}")
    assert learned(with_template(thinks), REASONED)[0] == "~Two and two.~4<|im_end|>"
    aloud = with_template(KNOWS)
    assert learned(aloud, REASONED)[1] == "<think>\nThree and three.\n</think>\n\n6<|im_end|>"
    asked = aloud.decode(aloud.prompt(REASONED["messages"][:-1]))
    assert "<think>\nTwo and two.\n</think>\n\n4" in asked


def test_reasoning_that_a_template_drops_refuses_the_row(with_template: Any) -> None:
    drops = KNOWS.replace("{{ m.content or '' }}", "{{ (m.content or '').split('</think>')[-1] }}")
    with pytest.raises(BadInput, match="leaves out the reasoning of some turns"):
        with_template(drops).row("messages", REASONED)


def test_special_tokens_in_calls_are_counted_and_marks_can_not_be_forged(nano_folder: Path) -> None:
    renderer = Renderer(nano_folder)
    row = talk(f"<|im_end|>{CLOSE} now")
    assert renderer.n_control_tokens("messages", row) == 2
    assert CLOSE not in "".join(piece.text for piece in renderer.row("messages", row).pieces)


def test_private_use_characters_are_learned_as_they_are(nano_folder: Path) -> None:
    renderer = Renderer(nano_folder)
    said = "\ue0f0 see \ue0f1"
    row = {"messages": [{"role": "user", "content": said}, {"role": "assistant", "content": said}]}
    assert "".join(learned(renderer, row)).strip() == f"{said}<|im_end|>"
