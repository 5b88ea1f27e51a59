"""Both ways of `studio bench chat` answer the same prompts, and what is compared is what was answered."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from workers.bench import chat


@pytest.fixture
def talks(tmp_path: Path, nano_folder: Path, monkeypatch: pytest.MonkeyPatch) -> chat.Talks:
    monkeypatch.setattr(chat, "WARM_UP", 1)
    base = shutil.copytree(nano_folder, tmp_path / "base")
    AutoModelForCausalLM.from_pretrained(nano_folder, dtype=torch.float32).save_pretrained(base)
    made = chat.Talks(base_folder=str(base), adapters_folder=str(tmp_path), n_tokens=8, threads=1)
    chat.make_adapters(made)
    return made


@pytest.mark.long
def test_both_ways_answer_with_the_same_tokens(studio: object, talks: chat.Talks) -> None:
    answers = {}
    for way, load in chat.WAYS.items():
        decode, dtype = load(talks)
        assert dtype == torch.float32
        with torch.inference_mode():
            answers[way] = decode(list(zip(chat.PROMPTS, chat.SCENES["mixed"], strict=True)), talks.n_tokens)
    assert answers["studio"] == answers["transformers"]
    found = chat.run("studio", talks)
    assert all(found[scene] > 0 for scene in chat.SCENES)
    assert (found["same"], found["changed"], found["dtype"]) == (4, 3, "float32")
