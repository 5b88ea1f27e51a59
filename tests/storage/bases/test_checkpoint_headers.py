"""Headers are read without loading a tensor; whatever is not whole is refused."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.bases import checkpoint_headers
from templates.errors import BadInput
from templates.layers import Projection

CONFIG = {
    "architectures": ["ToyForCausalLM"],
    "hidden_size": 4,
    "num_attention_heads": 2,
    "num_hidden_layers": 1,
    "intermediate_size": 8,
    "vocab_size": 10,
    "max_position_embeddings": 16,
}


def safetensors(tensors: dict[str, list[int]], dtype: str = "F32") -> bytes:
    header, position = {}, 0
    for name, shape in tensors.items():
        size = checkpoint_headers.DTYPE_BYTES[dtype]
        for side in shape:
            size *= side
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [position, position + size]}
        position += size
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    return struct.pack("<Q", len(text)) + text + bytes(position)


def model(folder: Path, tensors: dict[str, list[int]], **config: object) -> Path:
    (folder / "config.json").write_text(json.dumps({**CONFIG, **config}))
    (folder / "model.safetensors").write_bytes(safetensors(tensors))
    return folder


TENSORS = {
    "model.embed_tokens.weight": [10, 4],
    "model.layers.0.self_attn.q_proj.weight": [4, 4],
    "model.layers.0.mlp.up_proj.weight": [8, 4],
    "model.norm.weight": [4],
    "lm_head.weight": [10, 4],
}


def test_an_untied_head_counts_and_a_tied_one_does_not(tmp_path: Path) -> None:
    assert checkpoint_headers.facts(model(tmp_path, TENSORS)).n_parameters == 40 + 16 + 32 + 4 + 40
    tied = checkpoint_headers.facts(model(tmp_path, TENSORS, tie_word_embeddings=True))
    assert tied.n_parameters == 40 + 16 + 32 + 4
    assert tied.n_linear_parameters == 16 + 32
    assert tied.linear_modules == ("q_proj", "up_proj")
    assert (tied.n_kv_heads, tied.stored_dtype) == (2, "F32")


def test_shards_are_added_up(tmp_path: Path) -> None:
    model(tmp_path, {})
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "one.safetensors").write_bytes(safetensors({"a.b.weight": [4, 4]}))
    (tmp_path / "two.safetensors").write_bytes(safetensors({"a.c.weight": [8, 4]}, "BF16"))
    index = {"weight_map": {"a.b.weight": "one.safetensors", "a.c.weight": "two.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    facts = checkpoint_headers.facts(tmp_path)
    assert facts.n_parameters == 16 + 32
    assert facts.stored_dtype == "BF16"
    assert facts.weights_bytes == sum((tmp_path / f"{n}.safetensors").stat().st_size for n in ("one", "two"))


def test_names_of_older_architectures_are_known(tmp_path: Path) -> None:
    old = {"n_embd": 4, "n_head": 2, "n_layer": 1, "n_positions": 16, "vocab_size": 10, "n_inner": None}
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["GPT2LMHeadModel"], **old}))
    tensors = {"wte.weight": [10, 4], "wpe.weight": [16, 4], "h.0.attn.c_attn.weight": [4, 12]}
    (tmp_path / "model.safetensors").write_bytes(safetensors(tensors))
    facts = checkpoint_headers.facts(tmp_path)
    assert (facts.hidden_size, facts.intermediate_size, facts.context_length) == (4, 16, 16)
    assert facts.linear_modules == ("c_attn",)
    assert facts.projections == (Projection(place="attn.c_attn", shape=(4, 12), count=1),)


def test_projections_are_counted_by_place_and_shape(tmp_path: Path) -> None:
    blocks = {f"model.layers.{n}.self_attn.q_proj.weight": [4, 4] for n in range(3)}
    experts = {f"model.layers.0.mlp.experts.{n}.up_proj.weight": [8, 4] for n in range(2)}
    wider = {"model.layers.3.self_attn.q_proj.weight": [8, 4]}
    facts = checkpoint_headers.facts(model(tmp_path, {**blocks, **experts, **wider}))
    assert [(found.place, found.shape, found.count) for found in facts.projections] == [
        ("mlp.experts.up_proj", (8, 4), 2),
        ("self_attn.q_proj", (4, 4), 3),
        ("self_attn.q_proj", (8, 4), 1),
    ]


def test_all_that_config_and_weights_lack_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"hidden_size": true, "vocab_size": -1}')
    with pytest.raises(BadInput) as refused:
        checkpoint_headers.facts(tmp_path)
    fields = [problem.field for problem in refused.value.problems]
    assert {"hidden_size", "vocab_size", "num_attention_heads", "num_hidden_layers", None} <= set(fields)


HEADERS = {
    "overlap": {
        "a": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]},
        "b": {"dtype": "U8", "shape": [2], "data_offsets": [1, 3]},
    },
    "hole": {"a": {"dtype": "U8", "shape": [1], "data_offsets": [2, 3]}},
    "wrong size": {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 3]}},
    "unknown type": {"a": {"dtype": "X9", "shape": [3], "data_offsets": [0, 3]}},
    "negative shape": {"a": {"dtype": "U8", "shape": [-3, -1], "data_offsets": [0, 3]}},
    "no tensor": {},
    "not an object": {"a": 3},
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_header_that_can_not_be_true_is_refused(tmp_path: Path, case: str) -> None:
    text = json.dumps(HEADERS[case]).encode()
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(3))
    with pytest.raises(BadInput, match="has a damaged header"):
        checkpoint_headers.read_header(path)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    path.write_bytes(content)
    with pytest.raises(BadInput):
        checkpoint_headers.read_header(path)


@pytest.mark.parametrize("n_bytes", [0x0480, 0x0580, 0x4B50])
def test_a_header_whose_length_looks_like_a_pickle_is_read(tmp_path: Path, n_bytes: int) -> None:
    header = json.dumps({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}).encode().ljust(n_bytes)
    (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", n_bytes) + header + b"x")
    assert [tensor.name for tensor in checkpoint_headers.read_header(tmp_path / "model.safetensors")] == ["a"]
