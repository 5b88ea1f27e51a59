"""The chat templates of public models, which TRL ships, each with a byte-level tokenizer that knows its tokens."""

from __future__ import annotations

import importlib.util
import json
import re
from functools import cache
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from storage.rendering.renderer import Renderer

FOLDER = Path(importlib.util.find_spec("trl").origin or "").parent / "chat_templates"  # type: ignore[union-attr]
NAMES = sorted(p.stem for p in FOLDER.glob("*.jinja") if not p.stem.endswith("_training"))
EOS, BOS = "<eos>", "<bos>"
_SPECIAL = re.compile(
    r"<\|[A-Za-z_0-9]+\|?>|<[a-z_]+\|>|<｜[^｜<>{}']+｜>|<(?:start_of_turn|end_of_turn|end_of_utterance|sop)>|</s>"
    r"|\[/?INST\]|\[gMASK\]"
)
ENDS = {
    "cohere": "<|END_OF_TURN_TOKEN|>",
    "cohere2": "<|END_RESPONSE|><|END_OF_TURN_TOKEN|>",
    "deepseek": "<｜end▁of▁sentence｜>",
    "diffusion_gemma": "<turn|>",
    "gemma": "<end_of_turn>",
    "gemma3": "<end_of_turn>",
    "gemma4": "<turn|>",
    "glm4moe": EOS,
    "gptoss": "<|return|>",
    "idefics3": "<end_of_utterance>",
    "lfm2": "<|im_end|>",
    "llama3": "<|eot_id|>",
    "llava_next": "</s>",
    "muse_glimmer": "<|eot|>",
    "nemotron": "<|im_end|>",
    "phi3": "<|end|>",
    "qwen": "<|im_end|>",
    "smolvlm": "<end_of_utterance>",
}
"""By the longest beginning of a template's name, what ends a last answer."""


def end_of(name: str) -> str:
    """What ends a last answer in this template."""
    return ENDS[max((start for start in ENDS if name.startswith(start)), key=len)]


def specials(source: str) -> list[str]:
    """The special tokens that a template spells."""
    return sorted({EOS, BOS, *_SPECIAL.findall(source)})


def write(folder: Path, source: str, *, eos: str = EOS) -> Path:
    """A base model's folder without weights: bytes as tokens, and the template's special tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={sign: i for i, sign in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in specials(source)])
    tokenizer.add_tokens([AddedToken("<think>", special=False), AddedToken("</think>", special=False)])
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"eos_token": eos, "bos_token": BOS, "chat_template": source}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


@cache
def source(name: str) -> str:
    """The template's text."""
    return (FOLDER / f"{name}.jinja").read_text(encoding="utf-8")


def renderer(folder: Path, name: str) -> Renderer:
    """The renderer of a base model with this template."""
    folder.mkdir(exist_ok=True)
    return Renderer(write(folder, source(name)))
