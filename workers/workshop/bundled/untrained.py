"""A bundled model before its training: tokenizer, chat template, configuration and random weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

from workers.workshop.bundled import tokenizer as tokenizers
from workers.workshop.world.ability import CHAT_TEMPLATE
from workers.workshop.world.lists import words

CONTEXT_LENGTH = 1024
HEAD_SIZE = 64
SHAPES = {
    "studio-nano": {"hidden_size": 128, "num_hidden_layers": 6, "intermediate_size": 384},
    "studio-small": {"hidden_size": 256, "num_hidden_layers": 6, "intermediate_size": 704},
    "studio-medium": {"hidden_size": 512, "num_hidden_layers": 8, "intermediate_size": 1408},
}
"""Each bundled model's sizes, under `transformers.LlamaConfig`'s names."""
N_TEXTS = 40_000
"""Texts from which the tokenizer's merges are learned."""
BOS, EOS, PAD = 0, 2, 3


def config(name: str, vocab_size: int) -> LlamaConfig:
    """The architecture of model `name`. Raises `KeyError` for an unknown model."""
    shape = SHAPES[name]
    n_heads = shape["hidden_size"] // HEAD_SIZE
    return LlamaConfig(
        **shape,
        vocab_size=vocab_size,
        num_attention_heads=n_heads,
        num_key_value_heads=n_heads,
        head_dim=HEAD_SIZE,
        max_position_embeddings=CONTEXT_LENGTH,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        bos_token_id=BOS,
        eos_token_id=EOS,
        pad_token_id=PAD,
        dtype="bfloat16",
    )


def make(name: str, corpus: Path, folder: Path) -> None:
    """Write the untrained model `name`, with a tokenizer learned from the first texts of `corpus`."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = tokenizers.train(islice(_texts(corpus), N_TEXTS))
    tokenizers.save(tokenizer, folder, CHAT_TEMPLATE.read_text("utf-8"), CONTEXT_LENGTH)
    torch.manual_seed(0)
    model = LlamaForCausalLM(config(name, tokenizer.get_vocab_size())).to(torch.bfloat16)
    model.generation_config = GenerationConfig(bos_token_id=BOS, eos_token_id=EOS, pad_token_id=PAD)
    model.save_pretrained(str(folder))


def _texts(corpus: Path) -> Iterator[str]:
    yield from (f"the {word}" for word in words())
    with corpus.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)["text"]
