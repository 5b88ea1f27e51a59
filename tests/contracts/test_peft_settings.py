"""The settings of methods that PEFT knows are PEFT's own: their names, and their defaults unless we say why not."""

from __future__ import annotations

import dataclasses

import pytest
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING  # noqa: TID253
from peft.utils.peft_types import PeftType  # noqa: TID253

from templates import registry
from workers import peft_types

OURS = {
    "adalora": {"lora_alpha", "tinit", "tfinal", "target_modules"},  # a share of the run, and LoRA's own strength
    "c3a": {"block_size", "init_weights"},  # 64 divides the widths of small models; training starts at the base
    "fourierft": {"init_weights"},  # training starts at the base
    "lora": {"r", "lora_alpha", "init_lora_weights"},
    "p_tuning": {"encoder_hidden_size", "num_virtual_tokens"},
    "prefix_tuning": {"init_weights", "num_virtual_tokens"},
    "prompt_tuning": {"num_virtual_tokens", "prompt_tuning_init"},
    "shira": {"random_seed"},
    "trainable_tokens": {"n_tokens"},  # the rows say which
}
"""Settings whose default is not PEFT's, or which are not PEFT's."""
assert peft_types.KEYS


@pytest.mark.parametrize("key", [key for key, method in registry.methods().items() if method.peft_type])
def test_settings_and_defaults_are_those_of_peft(key: str) -> None:
    method = registry.method(key)
    config = PEFT_TYPE_TO_CONFIG_MAPPING[PeftType(method.peft_type)]
    known = {field.name: field.default for field in dataclasses.fields(config)}
    for name, value in method.defaults.items():
        if name in OURS.get(key, ()) or name == "target_modules":
            continue
        assert name in known, name
        assert value == known[name], name
