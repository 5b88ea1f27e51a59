"""An adapter at less than its full strength: between the base (0) and what was trained (1).

What LoRA adds to the base's weights is multiplied by the strength, which is the same as weights between those of the
base and of the result (Wortsman et al. 2022, arXiv 2109.01903). It needs no training: in a download the factor goes
into `lora_alpha`, which PEFT and every server for LoRA adapters reads; chat multiplies with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from storage.models import Artifact
from templates import at_strength, registry
from templates.at_strength import FIELD
from templates.errors import BadInput, Problem

CONFIG, CARD, LABELS = "adapter_config.json", "README.md", "labels.json"


def rewritten(artifact: Artifact, folder: Path, strength: float) -> Mapping[str, bytes]:
    """The files that differ at this strength, by name. Raises `BadInput` if it can't have one."""
    at_strength.checked(strength)
    require(artifact, folder)
    config = _config(folder)
    config["lora_alpha"] = strength * config["lora_alpha"]
    config["alpha_pattern"] = {key: strength * alpha for key, alpha in (config.get("alpha_pattern") or {}).items()}
    card, labels = (folder / CARD).read_text("utf-8"), folder / LABELS
    changed = {CONFIG: json.dumps(config, indent=2, sort_keys=True).encode()}
    if strength != at_strength.FULL and labels.is_file():  # the threshold was chosen for the full strength
        told = {**json.loads(labels.read_bytes()), "threshold": None}
        changed[LABELS] = json.dumps(told, ensure_ascii=False).encode()
    return {**changed, CARD: _told(card, strength, has_labels=LABELS in changed).encode()}


def require(artifact: Artifact, folder: Path) -> None:
    """Raise `BadInput` unless the artifact, whose files are in this folder, has a strength."""
    if registry.artifact_kind(artifact.kind).scores:
        what = f"“{artifact.name}” is a reward model, whose score head has no strength."
        raise BadInput(Problem(what, field=FIELD, remedy="Leave the strength out."))
    if not registry.artifact_kind(artifact.kind).on_base:
        what = f"“{artifact.name}” is a whole model, which has no strength."
        raise BadInput(Problem(what, field=FIELD, remedy="Leave it out, or train with the method lora."))
    if why := unscalable(_config(folder)):
        what = f"“{artifact.name}” can't be weakened: {why}."
        raise BadInput(Problem(what, field=FIELD, remedy="Leave the strength out."))


def has_strength(artifact: Artifact, folder: Path) -> bool:
    """Whether it can be used at less than its full strength."""
    kind = registry.artifact_kind(artifact.kind)
    return kind.on_base and kind.answers and not unscalable(_config(folder))


def _config(folder: Path) -> dict[str, Any]:
    """PEFT's configuration; empty if the file is gone."""
    path = folder / CONFIG
    config = json.loads(path.read_bytes()) if path.is_file() else {}
    return config if isinstance(config, dict) else {}


def unscalable(config: Mapping[str, Any]) -> str:
    """The reason why a factor in `lora_alpha` would not do; empty if it does."""
    if not config:
        return "its configuration is missing"
    if config.get("peft_type") != "LORA":
        return f"only LoRA adapters have a strength, and it is {config.get('peft_type')}"
    if config.get("use_dora"):
        return "DoRA also learned the lengths of the weights, which don't follow it"
    if config.get("modules_to_save") or config.get("trainable_token_indices"):
        return "it also holds whole layers or tokens, which don't follow it"
    if config.get("bias", "none") != "none":
        return "it also trained the base's biases, which don't follow it"
    return ""


def _told(card: str, strength: float, *, has_labels: bool) -> str:
    """The model card with a paragraph on the strength before its first section."""
    before, section, after = card.partition("\n## ")
    share = f"{100 * strength:.0f} %"
    told = (
        f"\n**Strength {strength:g}.** This download has the adapter at {share} of what was trained (a smaller "
        "`lora_alpha`). The scores below were measured at full strength.\n"
    )
    if has_labels:
        told += "It has no threshold for “don't know”: the one below was chosen at full strength.\n"
    return f"{before}{told}{section}{after}"


def with_sums(names: Mapping[str, str], changed: Mapping[str, bytes]) -> dict[str, str]:
    """File name → sha256, with those of the changed files."""
    return {**names, **{name: hashlib.sha256(content).hexdigest() for name, content in changed.items()}}
