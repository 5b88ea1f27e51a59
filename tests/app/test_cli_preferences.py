"""From a file of judged answers to a verdict by command, in the layouts that public data has (invented rows)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

N_ROWS = 40
Row = dict[str, Any]


def said(role: str, text: str) -> Row:
    return {"role": role, "content": text}


def hh_rlhf(n: int) -> Row:
    """Anthropic's HH-RLHF: both conversations whole, as texts."""
    asked = f"\n\nHuman: Where is {n}?\n\nAssistant:"
    return {"chosen": f"{asked} Here is {n}.", "rejected": f"{asked} Look for it yourself."}


def ultrafeedback(n: int) -> Row:
    """UltraFeedback, binarised: the prompt beside both conversations as messages, with scores."""
    asked = f"Where is {n}?"
    return {
        "prompt": asked,
        "prompt_id": f"{n:040d}",
        "chosen": [said("user", asked), said("assistant", f"Here is {n}.")],
        "rejected": [said("user", asked), said("assistant", "Look for it yourself.")],
        "score_chosen": 8.5,
        "score_rejected": 4.0,
    }


def orca(n: int) -> Row:
    """Intel's Orca pairs: a system text, a question, and two answers."""
    return {
        "system": "You are helpful.",
        "question": f"Where is {n}?",
        "chosen": f"Here is {n}.",
        "rejected": "Look for it yourself.",
    }


def kto_mix(n: int) -> Row:
    """TRL's KTO mix: prompt and answer as messages, with a label."""
    return {
        "prompt": [said("user", f"Where is {n}?")],
        "completion": [said("assistant", "Look for it yourself." if n % 3 == 0 else f"Here is {n}.")],
        "label": n % 3 != 0,
    }


LAYOUTS: list[tuple[Callable[[int], Row], str, str]] = [
    (hh_rlhf, "preference", "dpo"),
    (ultrafeedback, "preference", "orpo"),
    (orca, "preference", "simpo"),
    (orca, "preference", "kto"),
    (kto_mix, "unpaired_preference", "kto"),
]


@pytest.mark.long
@pytest.mark.parametrize(("row", "shape", "objective"), LAYOUTS, ids=lambda one: getattr(one, "__name__", one))
def test_a_file_leads_to_a_verdict(
    studio_command: Any, tmp_path: Path, row: Callable[[int], Row], shape: str, objective: str
) -> None:
    file = tmp_path / "judged.jsonl"
    file.write_text("\n".join(json.dumps(row(n)) for n in range(N_ROWS)))
    code, data, told = studio_command("data", "add", str(file), "--name", "judged")
    assert (code, data["shape"], data["n_rows"]) == (0, shape, N_ROWS), told
    code, job, told = studio_command(
        "train", "--base", "studio-nano", "--data", "judged", "--objective", objective, "--method", "lora",
        "--set", "max_steps=6", "--set", "max_length=96", "--name", f"by-{objective}", "--wait",
    )  # fmt: skip
    assert code == 0, told
    assert (job["state"], job["step"]) == ("SUCCEEDED", 6)
    verdict = job["verdict"]
    # of single judgements, so few held-out rows give no ranking
    assert verdict["headline"] == ("preference_accuracy" if shape == "preference" else "loss")
    assert verdict["wins"]["n"] == verdict["n_answered"] > 0
    assert "Its answers win over those of the base" in verdict["sentence"]
    assert ("preference_margin" in verdict["measures"]) == (shape == "preference")
