"""What a download at less than full strength changes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from storage.gallery import strength
from storage.models import Artifact
from templates.errors import BadInput

CARD = "---\ntags: []\n---\n# tone\n\nAn adapter.\n\n## Does it help?\n\nBetter.\n\n## How to use it\n"
CONFIG: dict[str, Any] = {
    "peft_type": "LORA",
    "r": 8,
    "lora_alpha": 16,
    "alpha_pattern": {"q_proj": 4},
    "modules_to_save": None,
}


def at(folder: Path, factor: float, *, kind: str = "adapter", **changes: Any) -> dict[str, str]:
    (folder / "adapter_config.json").write_text(json.dumps({**CONFIG, **changes}))
    (folder / "README.md").write_text(CARD)
    artifact = Artifact(name="tone", kind=kind)
    return {name: content.decode() for name, content in strength.rewritten(artifact, folder, factor).items()}


def test_the_factor_is_in_the_config_and_on_the_card(tmp_path: Path) -> None:
    changed = at(tmp_path, 0.75)
    config = json.loads(changed["adapter_config.json"])
    assert config == {**CONFIG, "lora_alpha": 12.0, "alpha_pattern": {"q_proj": 3.0}}
    before, told, after = changed["README.md"].partition("**Strength 0.75.**")
    assert told
    assert before == "---\ntags: []\n---\n# tone\n\nAn adapter.\n\n"
    assert "measured at full strength.\n\n## Does it help?" in after
    sums = strength.with_sums({"README.md": "old", "recipe.toml": "same"}, {"README.md": b"new"})
    assert sums["recipe.toml"] == "same"
    assert len(sums["README.md"]) == 64


@pytest.mark.parametrize("factor", [0.0, -0.5, 1.01, float("nan"), float("inf")])
def test_a_strength_is_above_0_and_at_most_1(tmp_path: Path, factor: float) -> None:
    with pytest.raises(BadInput, match="isn't a strength"):
        at(tmp_path, factor)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"kind": "full_model"}, "is a whole model"),
        ({"peft_type": "IA3"}, "only LoRA adapters have a strength, and it is IA3"),
        ({"use_dora": True}, "DoRA also learned"),
        ({"modules_to_save": ["lm_head"]}, "it also holds whole layers or tokens"),
        ({"trainable_token_indices": [5]}, "it also holds whole layers or tokens"),
    ],
)
def test_what_has_none_is_refused_in_words(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    with pytest.raises(BadInput, match=why):
        at(tmp_path, 0.5, **changes)


def test_less_strength_has_no_threshold(tmp_path: Path) -> None:
    (tmp_path / strength.LABELS).write_text(json.dumps({"labels": ["a", "b"], "threshold": 0.7}))
    changed = at(tmp_path, 0.5)
    assert json.loads(changed[strength.LABELS]) == {"labels": ["a", "b"], "threshold": None}
    assert "no threshold for “don't know”" in changed["README.md"]
    assert strength.LABELS not in at(tmp_path, 1.0)
