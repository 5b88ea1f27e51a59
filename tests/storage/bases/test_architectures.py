"""The table of architectures is transformers' own."""

from __future__ import annotations

from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES  # noqa: TID253

from storage.bases import architectures


def test_the_table_is_the_one_that_transformers_uses() -> None:
    assert architectures.native() == dict(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
    assert architectures.native()["llama"] == "LlamaForCausalLM"
