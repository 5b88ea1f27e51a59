"""Builds a training job's result: a folder in Hugging Face layout that needs none of the studio's code.

It contains only the files listed here. Other files that PEFT or transformers write stay out (their own
card; `training_args.bin`, which would hold the hub token), and so do paths of this machine.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from storage import files
from storage.gallery import label_sets
from storage.gallery.artifacts import OWN_BASE
from storage.gallery.label_sets import LabelSet
from storage.rendering.renderer import Renderer
from storage.runs import row_outcomes
from storage.runs.row_outcomes import RowOutcomes
from templates import recipe as recipes
from templates import registry
from templates.errors import StudioError
from templates.recipe import Recipe
from workers.evaluation import compared
from workers.evaluation.compared import ComparedAnswer
from workers.evaluation.verdict_document import Verdict
from workers.export import card
from workers.orders.train import TrainingOrder

SAVED = re.compile(
    r"(adapter_config\.json|adapter_model\.safetensors|config\.json|generation_config\.json"
    r"|model(-\d{5}-of-\d{5})?\.safetensors|model\.safetensors\.index\.json)"
)
"""The files accepted from the model's `save_pretrained`."""
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
BASE = re.compile(
    SAVED.pattern + r"|tokenizer\.json|tokenizer_config\.json|special_tokens_map\.json|chat_template\.jinja|LICENSE"
)
"""The files of a bundled base that ship with an adapter."""
WEIGHTS = re.compile(r"(adapter_model|model(-\d{5}-of-\d{5})?)\.safetensors")


OWN_TYPE = "adapter_type.py"
"""The file in a download that tells PEFT about a type of ours."""
OWN_TYPES = Path(__file__).parent.parent / "peft_types"
NO_FILES: Mapping[str, Path] = {}


class Staged(BaseModel):
    """A sealed staging folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    artifact_kind: str
    manifest_sha256: str
    weights_sha256: str
    size_bytes: int


def stage(
    order: TrainingOrder,
    save: Callable[[Path], None],
    verdict: Verdict,
    answers: Sequence[ComparedAnswer],
    outcomes: RowOutcomes,
    actual: Mapping[str, Any],
    further: Mapping[str, Path] = NO_FILES,
    labels: LabelSet | None = None,
) -> Staged:
    """Fill and seal `order.staging`. `save(folder)` writes the adapter or model with `save_pretrained`.

    `further` are files that stay in the studio, by their paths in the folder; `labels` are what the result chooses
    among.
    """
    folder, base_folder = Path(order.staging), Path(order.base.base_folder)
    kind = kind_of(order.recipe)
    renderer = Renderer(base_folder)
    _take_saved(save, folder)
    weights_sha256 = weights_sha256_of(folder)
    _take_tokenizer(base_folder, folder, renderer.template)
    if registry.artifact_kind(kind).on_base:
        _strip_paths(folder / "adapter_config.json", order)
        if (own := own_type(order.recipe.method)) is not None:
            shutil.copyfile(own, folder / OWN_TYPE)
        if order.carries_base:
            copied(base_folder, folder / OWN_BASE, BASE, link=bool(order.own_base))
    reward = order.reward.ref.name if order.reward else ""
    (folder / "recipe.toml").write_text(recipes.to_toml(order.recipe, reward), "utf-8")
    (folder / "verdict.json").write_text(verdict.model_dump_json(indent=1), "utf-8")
    compared.write(answers, folder / "evaluation" / "answers.jsonl")
    row_outcomes.write(outcomes, folder)
    for name, path in further.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / name)
    if labels:
        label_sets.write(labels, folder)
    if registry.artifact_kind(kind).answers:
        _write_ends(folder / "generation_config.json", renderer.eos_ids)
    own = own_type(order.recipe.method)
    texts = card.texts(
        order,
        kind,
        verdict,
        actual,
        weights_sha256,
        renderer.eos_ids,
        renderer.reasoning,
        renderer.mended.changes,
        has_own_type=own is not None,
        labels=labels,
    )
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    return Staged(
        artifact_kind=kind,
        manifest_sha256=files.seal(folder),
        weights_sha256=weights_sha256,
        size_bytes=sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()),
    )


def kind_of(recipe: Recipe) -> str:
    """The key of the kind of artifact that a training with this recipe publishes."""
    of_adapter, of_others = registry.objective(recipe.objective).makes
    return of_adapter if registry.method(recipe.method).trains == "adapter" else of_others


def own_type(method: str) -> Path | None:
    """The file that other programs need beside PEFT to load this method's adapters; None if PEFT is enough."""
    path = OWN_TYPES / f"{method}.py"
    return path if path.is_file() else None


def _take_saved(save: Callable[[Path], None], folder: Path) -> None:
    draft = folder / ".saved"
    draft.mkdir(parents=True)
    save(draft)
    copied(draft, folder, SAVED)
    shutil.rmtree(draft)


def copied(source: Path, target: Path, allowed: re.Pattern[str], *, link: bool = False) -> None:
    """Copy the allowed files; with `link`, weights of the file store share their disk space where that is possible."""
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.iterdir()):
        if not path.is_file() or not allowed.fullmatch(path.name):
            continue
        if not (link and WEIGHTS.fullmatch(path.name) and _linked(path, target / path.name)):
            shutil.copyfile(path, target / path.name)


def _linked(source: Path, target: Path) -> bool:
    """Whether the file system could give the same file another name; published files never change."""
    try:
        target.hardlink_to(source)
    except OSError:
        return False
    return True


def _take_tokenizer(base_folder: Path, folder: Path, template: str) -> None:
    """The base's tokenizer, and the chat template used in training, which may not be the base's own."""
    for name in TOKENIZER:
        if (base_folder / name).is_file():
            shutil.copyfile(base_folder / name, folder / name)
    (folder / "chat_template.jinja").write_text(template, "utf-8")


def _write_ends(config_file: Path, eos_ids: Sequence[int]) -> None:
    """Let the tokens that ended answers in training end them wherever the model is loaded."""
    config = json.loads(config_file.read_bytes()) if config_file.is_file() else {}
    config["eos_token_id"] = list(eos_ids) if len(eos_ids) > 1 else eos_ids[0]
    config_file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", "utf-8")


def _strip_paths(config_file: Path, order: TrainingOrder) -> None:
    """Replace the base's local folder by the name that recipients know."""
    config = json.loads(config_file.read_bytes())
    is_on_hub = order.base_source == "hub" and not order.carries_base
    config["base_model_name_or_path"] = OWN_BASE if order.carries_base else order.base_origin
    config["revision"] = order.base.base_revision if is_on_hub else None
    config_file.write_text(json.dumps(config, indent=2, sort_keys=True), "utf-8")


def weights_sha256_of(folder: Path) -> str:
    """Hash of the weights file; for several shards, of their hashes in the order of their names."""
    found = sorted(p for p in folder.iterdir() if WEIGHTS.fullmatch(p.name))
    if not found:
        raise StudioError("The training produced no weights to publish.", code="no_weights")
    hashes = [files.sha256_of(path) for path in found]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
