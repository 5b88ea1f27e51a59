"""Writes a Llama of the studio's as a GGUF file, as llama.cpp would."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, quants
from safetensors.torch import load_file

PLAIN, CONTROL = 1, 3
NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip


def write(folder: Path, file: Path, kind: GGMLQuantizationType = GGMLQuantizationType.Q8_0) -> Path:
    """The model in `folder` as a GGUF file, with its matrices in this quantization."""
    config = json.loads((folder / "config.json").read_text())
    out = GGUFWriter(str(file), "llama")
    out.add_name("made for a test")
    out.add_license("apache-2.0")
    out.add_context_length(config["max_position_embeddings"])
    out.add_embedding_length(config["hidden_size"])
    out.add_block_count(config["num_hidden_layers"])
    out.add_feed_forward_length(config["intermediate_size"])
    out.add_head_count(config["num_attention_heads"])
    out.add_head_count_kv(config["num_key_value_heads"])
    out.add_layer_norm_rms_eps(config["rms_norm_eps"])
    out.add_rope_freq_base(float((config.get("rope_parameters") or config)["rope_theta"]))
    out.add_vocab_size(config["vocab_size"])
    _add_tokenizer(out, folder, config)
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    for name, tensor in load_file(folder / "model.safetensors").items():
        renamed = _name(name)
        values = tensor.float().numpy()
        part = renamed.split(".")[-2]
        if part in heads:
            values = _interleaved(values, heads[part])
        if values.ndim == 2:
            out.add_tensor(renamed, quants.quantize(values, kind), raw_dtype=kind)
        else:
            out.add_tensor(renamed, values)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    return file


def _name(name: str) -> str:
    if not name.startswith("model.layers."):
        return {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}[name]
    _, _, number, *inner = name.removesuffix(".weight").split(".")
    return f"blk.{number}.{NAMES['.'.join(inner)]}.weight"


def _interleaved(values: np.ndarray, n_heads: int) -> np.ndarray:
    """Rows in the order of llama.cpp's rotary embedding."""
    halves = values.reshape(n_heads, 2, values.shape[0] // n_heads // 2, values.shape[1])
    return halves.swapaxes(1, 2).reshape(values.shape)


def _add_tokenizer(out: GGUFWriter, folder: Path, config: dict[str, int]) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    vocab = tokenizer["model"]["vocab"] | {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    special = {token["content"] for token in tokenizer["added_tokens"]}
    tokens = sorted(vocab, key=vocab.__getitem__)
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("smollm")
    out.add_token_list(tokens)
    out.add_token_types([CONTROL if token in special else PLAIN for token in tokens])
    out.add_token_merges([" ".join(pair) for pair in tokenizer["model"]["merges"]])
    out.add_bos_token_id(config["bos_token_id"])
    out.add_eos_token_id(config["eos_token_id"])
    out.add_pad_token_id(config["pad_token_id"])
    out.add_chat_template((folder / "chat_template.jinja").read_text())
