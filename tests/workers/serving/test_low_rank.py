"""Adapters' rows computed side by side get what PEFT computes for each."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from storage.bases import base_models
from storage.gallery import artifacts
from storage.gallery import strength as strengths
from storage.models import Artifact, BaseModelRow
from workers.serving.decoding import BASE
from workers.serving.low_rank import LowRank

Publish = Callable[..., Artifact]
IDS = torch.tensor([[5, 17, 33, 8, 21]] * 4)


def together(tiny: BaseModelRow, *found: Artifact) -> Any:
    model: Any = AutoModelForCausalLM.from_pretrained(base_models.folder(tiny), dtype=torch.float32)
    for artifact in found:
        if isinstance(model, PeftModel):
            model.load_adapter(artifacts.folder(artifact), adapter_name=artifact.name)
        else:
            model = PeftModel.from_pretrained(model, artifacts.folder(artifact), adapter_name=artifact.name)
    return model.eval()


@torch.inference_mode()
def by_peft(model: Any, rows: Sequence[str]) -> torch.Tensor:
    model.base_model.enable_adapter_layers()
    found: torch.Tensor = model(input_ids=IDS[: len(rows)], adapter_names=list(rows)).logits
    return found


@torch.inference_mode()
def side_by_side(model: Any, low_rank: LowRank, rows: Sequence[str]) -> torch.Tensor:
    model.base_model.disable_adapter_layers()
    low_rank.engage(rows)
    found: torch.Tensor = model.get_base_model()(input_ids=IDS[: len(rows)]).logits
    return found


def test_rows_get_what_peft_computes_for_them(tiny: BaseModelRow, publish: Publish) -> None:
    wide = publish("wide", seed=1, r=12, lora_alpha=5, rank_pattern={"q_proj": 3})
    narrow = publish("narrow", seed=2, r=4, target_modules=["v_proj", "down_proj"], use_rslora=True)
    model = together(tiny, wide, narrow)
    low_rank = LowRank(model)
    assert low_rank.computes("wide")
    assert low_rank.computes("narrow")
    for rows in (["wide", BASE, "narrow", "wide"], ["narrow"], [BASE, BASE], ["narrow", "wide"], ["wide"]):
        found = side_by_side(model, low_rank, rows)
        low_rank.release()
        torch.testing.assert_close(found, by_peft(model, rows))


def weakened(artifact: Artifact, strength: float, folder: Path) -> Path:
    """The same adapter as it is downloaded at less than its full strength."""
    shutil.copytree(artifacts.folder(artifact), folder)
    (folder / "README.md").write_text("# An adapter\n")
    for name, content in strengths.rewritten(artifact, folder, strength).items():
        (folder / name).write_bytes(content)
    return folder


def test_a_row_gets_as_much_of_its_adapter_as_it_wants(tiny: BaseModelRow, publish: Publish, tmp_path: Path) -> None:
    wide = publish("wide", seed=1, r=12, lora_alpha=5, alpha_pattern={"q_proj": 3})
    narrow = publish("narrow", seed=2, r=4, target_modules=["v_proj", "down_proj"], use_rslora=True)
    model = together(tiny, wide, narrow)
    low_rank = LowRank(model)
    rows, wanted = ["wide", BASE, "narrow", "wide"], [0.5, 1.0, 0.25, 1.0]
    model.base_model.disable_adapter_layers()
    low_rank.engage(rows, wanted)
    with torch.inference_mode():
        found = model.get_base_model()(input_ids=IDS).logits
    low_rank.release()
    downloaded = together(tiny, wide, narrow)
    downloaded.load_adapter(weakened(wide, 0.5, tmp_path / "wide"), adapter_name="wide_half")
    downloaded.load_adapter(weakened(narrow, 0.25, tmp_path / "narrow"), adapter_name="narrow_less")
    expected = by_peft(downloaded.eval(), ["wide_half", BASE, "narrow_less", "wide"])
    torch.testing.assert_close(found, expected)
    full = side_by_side(model, low_rank, rows)
    low_rank.release()
    assert torch.equal(full[1], found[1])
    assert not torch.allclose(full[0], found[0])


def test_what_is_not_plain_lora_is_left_to_peft(tiny: BaseModelRow, publish: Publish) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "dora": {"use_dora": True},
        "biased": {"lora_bias": True},
        "embedded": {"target_modules": ["embed_tokens", "q_proj"]},
        "saving": {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]},
    }
    for name, lora in kinds.items():
        found = publish(name, **lora)
        assert not LowRank(together(tiny, found)).computes(name), name


@pytest.mark.parametrize("rows", [["one"], [BASE, "one"]])
def test_base_rows_are_untouched(tiny: BaseModelRow, publish: Publish, rows: list[str]) -> None:
    model = together(tiny, publish("one", seed=3))
    low_rank = LowRank(model)
    before = side_by_side(model, low_rank, [BASE] * len(rows))
    found = side_by_side(model, low_rank, rows)
    for row, name in enumerate(rows):
        assert torch.equal(found[row], before[row]) == (name == BASE)
