"""What a job makes can be chatted with and downloaded: for the method and the objective that stand as examples."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from asking import answer
from preference_rows import pairs

from storage.gallery import downloads
from storage.models import User

CASES: dict[str, dict[str, Any]] = {
    "ia3": {"method": "ia3", "learning_rate": 0.3, "max_steps": 20},
    "dpo": {"objective": "dpo", "shape": "preference", "learning_rate": 2e-2, "max_steps": 20},
    "dpo with ia3": {
        "objective": "dpo",
        "method": "ia3",
        "shape": "preference",
        "learning_rate": 0.3,
        "max_steps": 20,
    },
}


@pytest.mark.long
@pytest.mark.parametrize("case", ["ia3", "dpo", "dpo with ia3"])
def test_a_result_is_judged_chatted_with_and_downloaded(
    case: str, publish_trained: Any, chat: httpx.Client, studio: User, tmp_path: Path
) -> None:
    asked = dict(CASES[case])
    if asked.get("shape") == "preference":
        asked["rows"] = pairs(tmp_path)
    done = publish_trained("result", **asked)
    assert done.result["n_rows"] > 0
    assert done.result["sentence"]
    assert answer(chat, "result") != answer(chat, "tiny"), "what was learned is heard"
    chunks, _ = downloads.zip_stream(studio, "result")
    content = b"".join(chunks)
    names = {Path(name).name for name in zipfile.ZipFile(io.BytesIO(content)).namelist()}
    assert {"adapter_model.safetensors", "adapter_config.json", "recipe.toml", "README.md"} <= names
