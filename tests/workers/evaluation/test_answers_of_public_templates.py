"""A model that learned its rows is judged right, whatever its template writes before and after an answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from storage.rendering.renderer import Renderer
from tests.storage.rendering import public_templates
from tests.workers.evaluation.sides import side
from workers.answering import from_model
from workers.answering import rows as answered
from workers.answering.prompts import Prompt
from workers.evaluation import row_questions, scoring, verdict
from workers.evaluation.generation import Generated

ROWS = [
    {"text": text, "label": label, "source_row": number}
    for number, (text, label) in enumerate((("pay me back", "refund"), ("it never came", "delivery")), start=1)
]
LIMITS = {"max_length": 256, "context_length": 512, "trains_prompt": False, "eval_rows": 2}


def learned(renderer: Renderer, rows: list[dict[str, Any]], steps: int) -> Any:
    """A tiny model that learned the rows by heart."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    config = LlamaConfig(
        vocab_size=512,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=512,
    )
    model = LlamaForCausalLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    examples = [renderer.row("classification", row) for row in rows]
    for _ in range(steps):
        for example in examples:
            ids = torch.tensor([example.ids])
            labels = torch.tensor([[i if t else -100 for i, t in zip(example.ids, example.trained, strict=True)]])
            model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model


@pytest.mark.parametrize("name", ["qwen3", "qwen2_5", "nemotron_3_nano", "gptoss"])
def test_answers_are_right_and_end(tmp_path: Path, name: str) -> None:
    renderer = public_templates.renderer(tmp_path / name, name)
    model = learned(renderer, ROWS, 60)
    scores = scoring.score(model, renderer, "classification", ROWS, **LIMITS)
    assert [(answer.given, answer.right) for answer in scores.answers] == [("refund", True), ("delivery", True)]
    assert scores.n_unfinished == 0


@pytest.mark.parametrize("name", ["qwen3", "nemotron_3_nano", "gptoss"])
def test_every_model_is_asked_for_an_answer_without_reasoning(tmp_path: Path, name: str) -> None:
    """A base that would reason at length is not cut off in it."""
    renderer = public_templates.renderer(tmp_path / name, name)
    questions = row_questions.of(renderer, "classification", ROWS)
    asked = [renderer.decode_all(question.prompt_ids) for question in questions]
    whole = [renderer.decode_all(renderer.row("classification", row).ids) for row in ROWS]
    for prompt, row, one in zip(asked, whole, ROWS, strict=True):
        assert row.startswith(prompt)
        assert row[len(prompt) :].startswith(one["label"])
    reasoned = {"messages": [{"role": "user", "content": "2+2?"}]}
    reasoned["messages"].append({"role": "assistant", "content": "4", "reasoning_content": "Two and two."})
    (question,) = row_questions.of(renderer, "messages", [{**reasoned, "tools": None, "source_row": 1}])
    assert not question.reasoned, "a model that learns to reason is not kept from it"


def test_an_answer_cut_off_in_its_reasoning_is_no_answer_and_that_is_said(tmp_path: Path) -> None:
    renderer = public_templates.renderer(tmp_path / "qwen3", "qwen3")
    ids = renderer._encode("<think>\nPerhaps").ids
    question = row_questions.Question(0, "?", "", [], 1, reasoned=False)
    cut = scoring._read(renderer, question, Generated(tuple(ids), ended=True))
    assert (cut.given, cut.ended, cut.right, cut.is_unfinished) == ("", False, False, True)
    rows = [{**ROWS[0], "label": ""}]
    scores = scoring.score(learned(renderer, rows, 1), renderer, "classification", rows, **LIMITS)
    unfinished = replace(scores, answers=(cut,), max_new_tokens=9)
    remarks = verdict.judge(unfinished, unfinished, "classification", side(["refund"])).remarks
    assert any("cut off in its reasoning after 9 tokens" in remark for remark in remarks)


def test_generated_rows_keep_reasoning_apart(tmp_path: Path) -> None:
    renderer = public_templates.renderer(tmp_path / "qwen3", "qwen3")
    ids = tuple(renderer._encode("<think>\nTwo and two.\n</think>\n\n4").ids)
    said = from_model._spoken(renderer, Generated(ids, ended=True))
    prompt = Prompt({"tools": None}, [{"role": "user", "content": "2+2?"}], [])
    assert answered._row("prompt_completion", prompt, said)["completion"] == "4"
    assert answered._row("messages", prompt, said)["messages"][-1] == {
        "role": "assistant",
        "content": "4",
        "reasoning_content": "Two and two.",
    }
