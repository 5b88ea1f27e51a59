"""Loading bases: precision, quantization, and what is never loaded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from bitsandbytes.nn import Linear4bit, Linear8bitLt

from templates.errors import StudioError
from templates.recipe import compose
from tests.contracts import small_models
from workers import models

CPU = torch.device("cpu")


def test_a_base_is_loaded_in_float32_and_ready_to_answer(nano_folder: Path) -> None:
    model = models.load_base(nano_folder, where=CPU)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert not model.training


@pytest.mark.parametrize(("quantization", "kind"), [("int8", Linear8bitLt), ("nf4", Linear4bit)])
def test_a_quantized_base_keeps_its_head_and_embeddings_whole(
    nano_folder: Path, quantization: models.Quantization, kind: type[torch.nn.Module]
) -> None:
    model = models.load_base(nano_folder, quantization, CPU)
    quantized = [name for name, module in model.named_modules() if isinstance(module, kind)]
    assert len(quantized) == 6 * 7
    assert model.model.embed_tokens.weight.dtype == torch.float32


def test_weights_in_a_pickle_are_not_loaded(tiny_model_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model_folder, tmp_path / "pickled")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(OSError, match="safetensors"):
        models.load_base(folder, where=CPU)


def test_code_in_a_models_folder_is_not_run(tiny_model_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model_folder, tmp_path / "remote")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "unheard-of", "auto_map": {"AutoModelForCausalLM": "evil.Model", "AutoConfig": "evil.C"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(ValueError, match="trust_remote_code"):
        models.load_base(folder, where=CPU)
    assert not (tmp_path / "ran").exists()


def test_settings_that_dont_go_with_an_architecture_end_in_words(tmp_path: Path) -> None:
    """Facts of an older studio don't show the experts, so the plan can't refuse."""
    base = models.load_base(small_models.write("qwen3moe", tmp_path / "moe"), where=CPU)
    with pytest.raises(StudioError, match=r"PEFT can't apply LoRA .*lora_dropout"):
        models.adapt(base, compose("sft", "lora", settings={"lora_dropout": 0.1}))


@pytest.mark.parametrize(
    ("name", "dtype"), [("bfloat16", torch.bfloat16), ("BF16", torch.bfloat16), ("F32", torch.float32)]
)
def test_stored_dtypes_are_read_by_either_name(name: str, dtype: torch.dtype) -> None:
    assert models.torch_dtype(name) == dtype


@pytest.mark.parametrize("name", ["int8", "F8_E4M3", "cuda", ""])
def test_other_stored_dtypes_are_refused(name: str) -> None:
    with pytest.raises(StudioError):
        models.torch_dtype(name)
