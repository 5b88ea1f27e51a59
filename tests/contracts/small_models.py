"""Tiny random models of real architectures, each with a small tokenizer and the chat template of its family."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import torch  # noqa: TID253
import transformers  # noqa: TID253
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

WORDS = (
    "refund",
    "delivery",
    "late",
    "invoice",
    "account",
    "blocked",
    "card",
    "lost",
    "parcel",
    "please",
    "help",
    "order",
)
VOCABULARY = 700
LIVELY = 0.2
"""Width of the random weights: ten times the usual one, so that answers vary."""
WIDTHS = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 192,
}
FEW = {"num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 192, "hidden_size": 64}
OLD_NAMES = {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 192}
CHATML = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
GEMMA = ("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>")
DEEPSEEK = ("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>")
LLAMA = ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|end_of_text|>")
PHI = ("<unk>", "<s>", "</s>", "<|endoftext|>", "<|assistant|>", "<|user|>", "<|end|>", "<|system|>")


@dataclass(frozen=True)
class Small:
    """What makes a model of a family: architecture, tokens, template, and how the weights are stored."""

    model: str
    config: str
    shape: Mapping[str, Any]
    special: Sequence[str]
    eos: str
    bos: str | None = None
    pad: str | None = None
    template: str | None = None
    """Name of the template among those that TRL ships; None: the model has none."""
    dtype: torch.dtype = torch.float32
    shard: str | None = None
    plain: Sequence[str] = ()
    """Added tokens that are not special."""
    finish: Callable[[Path], None] = field(default=lambda _folder: None)


def _image_token(folder: Path) -> None:
    """One more added token, whose id is just beyond the embedding."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_special_tokens(["<image_soft_token>"])
    tokenizer.save(str(folder / "tokenizer.json"))


_QWEN3: dict[str, Any] = {
    "special": CHATML,
    "eos": "<|im_end|>",
    "pad": "<|endoftext|>",
    "template": "qwen3",
}
_GEMMA3: dict[str, Any] = {
    "model": "Gemma3ForCausalLM",
    "config": "Gemma3TextConfig",
    "shape": {**WIDTHS, "head_dim": 16, "sliding_window": 32},
    "special": GEMMA,
    "bos": "<bos>",
    "eos": "<end_of_turn>",
    "pad": "<pad>",
    "template": "gemma3",
    "dtype": torch.bfloat16,
}
_DENSE = {**WIDTHS, "head_dim": 16, "tie_word_embeddings": True}
_END: dict[str, Any] = {"special": ("<|endoftext|>",), "eos": "<|endoftext|>"}
_OPT = {"word_embed_proj_dim": 64, "ffn_dim": 128, **FEW}
SMALL: Mapping[str, Small] = {
    "qwen3": Small("Qwen3ForCausalLM", "Qwen3Config", _DENSE, **_QWEN3),
    "qwen3moe": Small(
        "Qwen3MoeForCausalLM",
        "Qwen3MoeConfig",
        {**WIDTHS, "head_dim": 16, "moe_intermediate_size": 32, "num_experts": 4, "num_experts_per_tok": 2},
        **_QWEN3,
    ),
    "gemma3": Small(**_GEMMA3),
    "mistral": Small(
        "MistralForCausalLM",
        "MistralConfig",
        {**WIDTHS, "sliding_window": 32},
        ("<unk>", "<s>", "</s>", "[INST]", "[/INST]"),
        bos="<s>",
        eos="</s>",
        dtype=torch.float16,
    ),
    "phi3": Small(
        "Phi3ForCausalLM",
        "Phi3Config",
        {**WIDTHS, "pad_token_id": 0},
        PHI,
        bos="<s>",
        eos="<|end|>",
        pad="<|endoftext|>",
        template="phi3",
        dtype=torch.bfloat16,
        shard="100KB",
    ),
    "gpt2": Small("GPT2LMHeadModel", "GPT2Config", OLD_NAMES, **_END),
    "neox": Small(
        "GPTNeoXForCausalLM", "GPTNeoXConfig", {**FEW, "intermediate_size": 128}, dtype=torch.float16, **_END
    ),
    "opt": Small(
        "OPTForCausalLM",
        "OPTConfig",
        _OPT,
        ("</s>", "<pad>"),
        bos="</s>",
        eos="</s>",
        pad="<pad>",
        dtype=torch.float16,
    ),
    "falcon": Small("FalconForCausalLM", "FalconConfig", {**FEW, "alibi": False}, dtype=torch.bfloat16, **_END),
    "bloom": Small(
        "BloomForCausalLM",
        "BloomConfig",
        {"hidden_size": 64, "n_layer": 2, "n_head": 4},
        ("<unk>", "<s>", "</s>", "<pad>"),
        bos="<s>",
        eos="</s>",
        pad="<pad>",
        dtype=torch.float16,
    ),
    "llama32": Small(
        "LlamaForCausalLM",
        "LlamaConfig",
        {**WIDTHS, "tie_word_embeddings": True},
        LLAMA,
        bos="<|begin_of_text|>",
        eos="<|eot_id|>",
        template="llama3_2",
        dtype=torch.bfloat16,
    ),
    "gemma3img": Small(**_GEMMA3, finish=_image_token),
    "starcoder2": Small("Starcoder2ForCausalLM", "Starcoder2Config", WIDTHS, dtype=torch.bfloat16, **_END),
    "gptj": Small("GPTJForCausalLM", "GPTJConfig", {**OLD_NAMES, "rotary_dim": 8}, dtype=torch.float16, **_END),
    "qwen3think": Small("Qwen3ForCausalLM", "Qwen3Config", _DENSE, plain=("<think>", "</think>"), **_QWEN3),
    "qwen25base": Small(
        "Qwen2ForCausalLM",
        "Qwen2Config",
        {**WIDTHS, "tie_word_embeddings": True},
        CHATML,
        eos="<|endoftext|>",
        pad="<|endoftext|>",
        template="qwen2_5",
    ),
    "r1distill": Small(
        "Qwen2ForCausalLM",
        "Qwen2Config",
        WIDTHS,
        DEEPSEEK,
        bos=DEEPSEEK[0],
        eos=DEEPSEEK[1],
        pad=DEEPSEEK[1],
        template="deepseek_r1_distill",
    ),
    "gemma1": Small(
        "GemmaForCausalLM",
        "GemmaConfig",
        {**WIDTHS, "head_dim": 16},
        GEMMA,
        bos="<bos>",
        eos="<eos>",
        pad="<pad>",
        template="gemma",
        dtype=torch.bfloat16,
    ),
}
"""By name; each stands for the family that it is named after."""


def write(name: str, folder: Path, **config: Any) -> Path:
    """Write the model to `folder` and return it; `config` overrides its config's entries."""
    small = SMALL[name]
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(small)
    tokenizer.save_pretrained(folder)
    ids = {key: tokenizer.convert_tokens_to_ids(token) if token else None for key, token in _named(small).items()}
    settings = getattr(transformers, small.config)(**small.shape, vocab_size=len(tokenizer))
    settings.update(
        {"bos_token_id": ids["bos_token"], "eos_token_id": ids["eos_token"], "pad_token_id": None, **config}
    )
    settings.initializer_range = LIVELY
    torch.manual_seed(0)
    model = getattr(transformers, small.model)(settings).to(small.dtype)
    model.save_pretrained(folder, **({"max_shard_size": small.shard} if small.shard else {}))
    small.finish(folder)
    return folder


def _named(small: Small) -> dict[str, str | None]:
    return {"bos_token": small.bos, "eos_token": small.eos, "pad_token": small.pad}


@cache
def _corpus() -> list[str]:
    draw = random.Random(0)
    return [" ".join(draw.choices(WORDS, k=draw.randint(4, 14))).capitalize() + draw.choice(".?!") for _ in range(1000)]


def _tokenizer(small: Small) -> Any:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        _corpus(),
        trainers.BpeTrainer(
            vocab_size=VOCABULARY, special_tokens=list(small.special), initial_alphabet=alphabet, show_progress=False
        ),
    )
    if small.bos:
        opening = [(small.bos, tokenizer.token_to_id(small.bos))]
        tokenizer.post_processor = processors.TemplateProcessing(single=f"{small.bos} $A", special_tokens=opening)
    named = {key: token for key, token in _named(small).items() if token}
    made = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named)
    if small.plain:
        made.add_tokens([AddedToken(token, special=False) for token in small.plain])
    if small.template:
        made.chat_template = (_trl() / f"{small.template}.jinja").read_text("utf-8")
    return made


@cache
def _trl() -> Path:
    """TRL's folder of chat templates."""
    found = importlib.util.find_spec("trl")
    assert found
    assert found.origin
    return Path(found.origin).parent / "chat_templates"
