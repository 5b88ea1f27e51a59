"""Virtual tokens in chat: what PEFT computes, and the same beside rows of other lengths."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from storage.bases import checkpoint_headers
from templates.recipe import compose
from workers import models
from workers.serving import company
from workers.serving.decoding import BASE
from workers.serving.loaded import Loaded

CPU = torch.device("cpu")
IDS = [7, 90, 1200, 33, 4, 1801]


@dataclass(frozen=True)
class _Entry:
    name: str
    adapter: str | None
    adapter_folder: Path
    has_own_copy: bool = False
    mixes: bool = False


def _adapter(method: str, base: Path, folder: Path) -> Path:
    """An adapter whose vectors change the answers, and its folder."""
    torch.manual_seed(3)
    recipe = compose("sft", method, settings={"num_virtual_tokens": 4}, facts=checkpoint_headers.facts(base))
    model = models.adapt(models.load_base(base, where=CPU), recipe)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.normal_()
    model.save_pretrained(str(folder))
    return folder


@pytest.mark.parametrize("method", ["prompt_tuning", "p_tuning", "prefix_tuning"])
def test_chat_computes_what_peft_does_alone_and_in_company(
    tiny_model_folder: Path, tmp_path: Path, method: str
) -> None:
    folder = _adapter(method, tiny_model_folder, tmp_path / "adapter")
    by_peft = models.PeftModel.from_pretrained(models.load_base(tiny_model_folder, where=CPU), str(folder)).eval()
    with torch.no_grad():
        wanted = by_peft(input_ids=torch.tensor([IDS]), attention_mask=torch.ones(1, len(IDS))).logits[:, -1]
    loaded = Loaded(tiny_model_folder, CPU)
    loaded.attach(_Entry("mine", "mine", folder))
    assert loaded.self_tests["mine"].outcome == "passed"
    row = torch.tensor([loaded.prompt(IDS, "mine")])
    with torch.no_grad():
        found, _ = loaded.forward(row, torch.ones_like(row), torch.arange(row.shape[1])[None], None, ["mine"])
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)
    rows = [(loaded.prompt(IDS[:n], "mine"), "mine") for n in (len(IDS), 2)]
    assert company.difference(loaded.forward, CPU, rows) < 1e-4
    loaded.detach("mine")
    assert loaded.adapters == set()
    assert loaded.prompt(IDS, BASE) == IDS
