"""Groups of layers, by the names that real architectures give them."""

from __future__ import annotations

import pytest

from templates import layers


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("model.layers.7.self_attn.q_proj", "self_attn.q_proj"),
        ("transformer.h.0.attn.c_proj", "attn.c_proj"),
        ("model.decoder.layers.11.fc1", "fc1"),
        ("model.layers.3.mlp.experts.12.down_proj", "mlp.experts.down_proj"),
        ("backbone.project", "backbone.project"),
    ],
)
def test_a_layer_is_named_by_its_place_in_a_block(name: str, place: str) -> None:
    assert layers.place_in_block(name) == place


ATTENTION = [
    "self_attn.q_proj", "attn.c_attn", "attn.c_proj", "attention.dense", "self_attention.query_key_value",
    "self_attn.kv_b_proj", "linear_attn.in_proj_qkvz", "mixer.q_proj", "norm_attn_norm.attn.Wqkv", "wo",
]  # fmt: skip
FEED_FORWARD = [
    "mlp.up_proj",
    "mlp.c_proj",
    "fc2",
    "mlp.dense_4h_to_h",
    "mlp.experts.gate_proj",
    "ffn.w1",
    "mixer.in_proj",
]


def test_every_projection_is_in_one_group() -> None:
    assert [place for place in ATTENTION if not layers.in_group(place, "attention")] == []
    assert [place for place in FEED_FORWARD if not layers.in_group(place, "mlp")] == []
    assert not any(layers.in_group(place, "mlp") for place in ATTENTION)


def test_keys_and_values_are_told_from_queries_and_outputs() -> None:
    made = [
        "self_attn.k_proj", "self_attn.v_proj", "attn.c_attn", "attention.query_key_value", "self_attn.qkv_proj",
        "attn.Wqkv", "self_attn.kv_b_proj", "attention.self.value",
    ]  # fmt: skip
    others = ["self_attn.q_proj", "self_attn.o_proj", "attn.c_proj", "attention.dense"]
    assert [place for place in made if not layers.makes_keys_or_values(place)] == []
    assert [place for place in others if layers.makes_keys_or_values(place)] == []
