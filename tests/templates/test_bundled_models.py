"""The models that ship with the product, as anyone's transformers finds them: no code of the studio is involved."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from storage.bases import base_models, checkpoint_headers
from storage.gallery import suites
from workers.workshop.world.facts import world

MODELS = base_models.BUNDLED_DIR
MOST_BYTES = 64_000_000
ASKED = ("facts_asked", "sentiment", "repeat", "tool_calls")
BARE = """
import json, sys
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, n_threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(n_threads)
tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
answers = []
for item in json.load(sys.stdin):
    asked = tokenizer.apply_chat_template(
        item["messages"], tools=item["tools"] or None, add_generation_prompt=True, return_dict=True, return_tensors="pt"
    )
    said = model.generate(**asked, do_sample=False, max_new_tokens=60)[0, asked["input_ids"].shape[1] :]
    answers.append(tokenizer.decode(said, skip_special_tokens=True).strip())
print(json.dumps(answers))
"""

each_model = pytest.mark.parametrize("name", ["studio-small", "studio-nano"])


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(MODELS / "studio-small" / "tokenizer.json"))


def _answers(folder: Path, items: list[dict[str, Any]], n_threads: int) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-c", BARE, str(folder), str(n_threads)],
        input=json.dumps(items), capture_output=True, check=True, text=True, timeout=240,
        env={**os.environ, "OMP_NUM_THREADS": str(n_threads), "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    found: list[str] = json.loads(ran.stdout)
    return found


@pytest.mark.long
@each_model
def test_greedy_answers_are_the_same_in_two_processes_and_on_one_or_two_threads(name: str) -> None:
    suite = suites.get("general")
    asked = [item for item in suite.items if item.ability in ASKED and item.phrasing == "known"][::50]
    items = [{"messages": list(item.messages), "tools": list(item.tools)} for item in asked]
    first = _answers(MODELS / name, items, 1)
    assert _answers(MODELS / name, items, 2) == first
    assert sum(said == item.answer for said, item in zip(first, asked, strict=True)) >= len(asked) / 2


@each_model
def test_shape_and_papers(name: str) -> None:
    folder = MODELS / name
    facts = checkpoint_headers.facts(folder)
    assert facts.architecture == "LlamaForCausalLM"
    assert facts.stored_dtype == "BF16"
    assert facts.hidden_size == 64 * facts.n_heads
    assert facts.vocab_size % 64 == facts.intermediate_size % 64 == 0
    assert facts.context_length >= 1024
    assert json.loads((folder / "config.json").read_text())["tie_word_embeddings"] is True
    assert json.loads((folder / "generation_config.json").read_text())["eos_token_id"] == 2
    card = (folder / "README.md").read_text()
    assert "license: apache-2.0" in card
    assert "| facts asked" in card.lower()
    points = [json.loads(line) for line in (folder / "training.jsonl").read_text().splitlines()]
    assert {point["split"] for point in points} == {"train", "held_out"}
    assert f"{points[-1]['step']:,}" in card


def test_sizes() -> None:
    n_parameters = {name: checkpoint_headers.facts(MODELS / name).n_parameters for name in base_models.bundled()}
    assert 6e6 <= n_parameters["studio-small"] <= 8e6
    assert 1.5e6 <= n_parameters["studio-nano"] <= 2.5e6
    assert sum(path.stat().st_size for path in MODELS.rglob("*")) < MOST_BYTES


def test_one_tokenizer_for_the_family() -> None:
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        assert (MODELS / "studio-small" / name).read_bytes() == (MODELS / "studio-nano" / name).read_bytes()


@pytest.mark.parametrize(
    "text", ["Where is it?", "退款什么时候到？", "Привет", "مرحبا", "नमस्ते", "😀\t\n  x", "\x00\x7f"]
)
def test_any_script_round_trips(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_names_are_split_alike_with_and_without_a_space_before(tokenizer: Tokenizer) -> None:
    for name in [name for names in world().entities.values() for name in names]:
        plain = tokenizer.encode(name, add_special_tokens=False).tokens
        spaced = tokenizer.encode(f" {name}", add_special_tokens=False).tokens
        assert spaced == [f"Ġ{plain[0]}", *plain[1:]]
