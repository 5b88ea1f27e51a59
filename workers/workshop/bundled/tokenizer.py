"""The tokenizer of the bundled models: byte-level BPE in which names split alike everywhere.

An ordinary BPE splits ` Velmara` and `Velmara` differently, so a model that copies a name from inside a
text to the start of a quote must spell it in other tokens. Here, capitalised words are learned without
the preceding space, and each of their pieces gets a twin with the space as its last and weakest merge:
the two spellings then differ only in their first token.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|pad|>")
"""Begins texts; begins turns; ends answers and texts; fills batches. Their ids are 0, 1, 2, 3."""
N_LEARNED = 4096
"""Number of tokens before the twins."""
MULTIPLE = 64
"""The vocabulary's size is rounded up to a multiple of this, because such matrices multiply faster."""
SPACE = "Ġ"
"""How byte-level BPE writes a space."""
WORDS = r"'(?:s|t|re|ve|m|ll|d)| ?[a-z]+|[A-Z]+(?![a-z])|[A-Z][a-z]*|[0-9]| ?[^\sA-Za-z0-9]+|\s+(?=\s)|\s"
"""The units within which merges are learned; capitalised words exclude the space before them."""


def train(texts: Iterable[str]) -> Tokenizer:
    """Learn the merges from `texts`, and add the twins."""
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=N_LEARNED,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    learner.train_from_iterator((_without_special(text) for text in texts), trainer)
    return _with_twins(learner)


def _without_special(text: str) -> str:
    for token in SPECIAL:
        text = text.replace(token, "\n")
    return text


def _with_twins(learned: Tokenizer) -> Tokenizer:
    document = json.loads(learned.to_str())
    vocab: dict[str, int] = document["model"]["vocab"]
    capitalised = sorted((t for t in vocab if t.isascii() and t.isalpha() and t[0].isupper()), key=vocab.__getitem__)
    for token in capitalised:
        vocab.setdefault(SPACE + token, len(vocab))
        document["model"]["merges"].append([SPACE, token])
    for number in range(-len(vocab) % MULTIPLE):
        vocab[f"<|unused_{number}|>"] = len(vocab)
    made = Tokenizer.from_str(json.dumps(document))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    made.decoder = decoders.ByteLevel()
    return made


def save(tokenizer: Tokenizer, folder: Path, chat_template: str, context_length: int) -> None:
    """Write the tokenizer in transformers' format, with its chat template."""
    tokenizer.save(str(folder / "tokenizer.json"))
    bos, im_start, eos, pad = SPECIAL
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": bos,
        "eos_token": eos,
        "pad_token": pad,
        "extra_special_tokens": [im_start],
        "model_max_length": context_length,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    (folder / "chat_template.jinja").write_text(chat_template, "utf-8")
