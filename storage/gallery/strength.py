"""An adapter at less than its full strength, for a download: between the base (0) and what was trained (1).

What LoRA adds to the base's weights is multiplied by the strength, which is the same as weights between those of the
base and of the result (Wortsman et al. 2022, arXiv 2109.01903). It needs no training: the factor goes into
`lora_alpha`, which PEFT and every server for LoRA adapters reads.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from storage.models import Artifact
from templates import registry
from templates.errors import BadInput, Problem

CONFIG, CARD = "adapter_config.json", "README.md"
FIELD = "strength"


def rewritten(artifact: Artifact, folder: Path, strength: float) -> Mapping[str, bytes]:
    """The files that differ at this strength, by name. Raises `BadInput` if it can't have one."""
    if not (math.isfinite(strength) and 0 < strength <= 1):
        raise BadInput(Problem(f"{strength:g} is no strength.", field=FIELD, remedy="Use a number above 0, at most 1."))
    if not registry.artifact_kind(artifact.kind).on_base:
        what = f"“{artifact.name}” is a whole model, which has no strength."
        raise BadInput(Problem(what, field=FIELD, remedy="Leave it out, or train with the method lora."))
    config = json.loads((folder / CONFIG).read_bytes())
    if why := _unscalable(config):
        what = f"“{artifact.name}” can't be weakened: {why}."
        raise BadInput(Problem(what, field=FIELD, remedy="Leave the strength out."))
    config["lora_alpha"] = strength * config["lora_alpha"]
    config["alpha_pattern"] = {key: strength * alpha for key, alpha in (config.get("alpha_pattern") or {}).items()}
    card = (folder / CARD).read_text("utf-8")
    return {CONFIG: json.dumps(config, indent=2, sort_keys=True).encode(), CARD: _told(card, strength).encode()}


def _unscalable(config: Mapping[str, Any]) -> str:
    """The reason why a factor in `lora_alpha` would not do; empty if it does."""
    if config.get("peft_type") != "LORA":
        return f"only LoRA adapters have a strength, and it is {config.get('peft_type')}"
    if config.get("use_dora"):
        return "DoRA also learned the lengths of the weights, which don't follow it"
    if config.get("modules_to_save") or config.get("trainable_token_indices"):
        return "it also holds whole layers or tokens, which don't follow it"
    return ""


def _told(card: str, strength: float) -> str:
    """The model card with a paragraph on the strength before its first section."""
    before, section, after = card.partition("\n## ")
    share = f"{100 * strength:.0f} %"
    told = (
        f"\n**Strength {strength:g}.** This download has the adapter at {share} of what was trained (a smaller "
        "`lora_alpha`). The scores below were measured at full strength.\n"
    )
    return f"{before}{told}{section}{after}"


def with_sums(names: Mapping[str, str], changed: Mapping[str, bytes]) -> dict[str, str]:
    """File name → sha256, with those of the changed files."""
    return {**names, **{name: hashlib.sha256(content).hexdigest() for name, content in changed.items()}}
