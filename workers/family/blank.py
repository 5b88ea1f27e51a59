"""`python -m workers.family.blank NAME --corpus FILE.jsonl --to FOLDER`: a bundled model before its training.

Tokenizer, chat template, configuration and random weights: what pretraining takes as its base.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

import templates.world
from workers.family import tokenizer as tokenizers

CONTEXT_LENGTH = 1024
HEAD_SIZE = 64
SHAPES = {
    "studio-nano": {"hidden_size": 128, "num_hidden_layers": 6, "intermediate_size": 384},
    "studio-small": {"hidden_size": 256, "num_hidden_layers": 6, "intermediate_size": 704},
    "studio-medium": {"hidden_size": 512, "num_hidden_layers": 8, "intermediate_size": 1408},
}
"""Of each model of the family, under `transformers.LlamaConfig`'s names."""
N_TEXTS = 40_000
"""Texts from which the tokenizer's merges are learned."""
BOS, EOS, PAD = 0, 2, 3


def config(name: str, vocab_size: int) -> LlamaConfig:
    """The architecture of `name`. Raises `KeyError` for a model that is not of the family."""
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
    template = (Path(templates.world.__file__).parent / "chat_template.jinja").read_text("utf-8")
    tokenizers.save(tokenizer, folder, template, CONTEXT_LENGTH)
    torch.manual_seed(0)
    model = LlamaForCausalLM(config(name, tokenizer.get_vocab_size())).to(torch.bfloat16)
    model.generation_config = GenerationConfig(bos_token_id=BOS, eos_token_id=EOS, pad_token_id=PAD)
    model.save_pretrained(str(folder))


def _texts(corpus: Path) -> Iterator[str]:
    words = Path(templates.world.__file__).parent / "words.txt"
    yield from (f"the {word}" for word in words.read_text("utf-8").split())
    with corpus.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)["text"]


def main() -> None:
    """Read the command line and write the model."""
    parser = argparse.ArgumentParser(prog="python -m workers.family.blank", description=__doc__)
    parser.add_argument("name", choices=sorted(SHAPES))
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True)
    chosen = parser.parse_args()
    make(chosen.name, chosen.corpus, chosen.to)
    print(f"{chosen.name}: {chosen.to}")


if __name__ == "__main__":
    main()
