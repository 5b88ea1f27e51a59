"""Merges an adapter into its base, in 32 bits, and proves that the merged model answers like the two together.

The merged model lies in the job's checkpoint folder, sealed, so that an attempt after a crash trains on the same
weights. It is stored in the base's precision if that keeps the adapter's effect, else in 32 bits.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel

from storage import files
from storage.bases import checkpoint_headers
from storage.rendering.renderer import Renderer
from templates.errors import BadInput, StudioError
from workers import models, weights
from workers.export import bundle
from workers.orders.train import TrainingOrder
from workers.protocol import ModelRef
from workers.training.checkpoints import DRAFTS

MERGED = "merged"
N_PROBES, PROBE_TOKENS = 4, 128
"""Training rows to compare the two models on, and the tokens of each."""
KEPT_WITHIN = 0.05
"""Largest difference between merged and unmerged logits, as a share of what the adapter changes (root mean square)."""
ROUNDING = 1e-4
"""The same in logits, for an adapter that changes next to nothing."""
log = logging.getLogger("studio.training")


@dataclass(frozen=True)
class Differences:
    """Root mean squares of differences between logits on the probes."""

    effect: float
    """The adapter's: with it against without it."""
    loss: float
    """The merge's: merged against unmerged."""

    @property
    def is_kept(self) -> bool:
        """Whether the merged model answers like base and adapter."""
        return self.loss <= max(ROUNDING, KEPT_WITHIN * self.effect)


def grounded(order: TrainingOrder, renderer: Renderer, rows: Sequence[Mapping[str, Any]]) -> TrainingOrder:
    """The order with the full weights that it trains on; merges the parent's adapter into them if it says so.

    `rows` are training rows to compare the models on. Raises `StudioError` if the merged model answers differently.
    """
    if order.continued is None or order.continued.way != "merged":
        return order
    home, continued = Path(order.checkpoints), order.continued
    folder = home / MERGED
    if files.flaw(folder) is not None:
        made = _taken(continued.merged, home) if continued.merged else None
        made = made or _merged(continued.parent, home, _probes(renderer, order.shape, rows))
        files.move_folder(made, folder)
    sha256 = bundle.weights_sha256_of(folder)
    base = order.base.model_copy(update={"base_folder": str(folder), "base_revision": sha256})
    return order.model_copy(update={"base": base, "own_base": sha256})


def _probes(renderer: Renderer, shape: str, rows: Sequence[Mapping[str, Any]]) -> list[list[int]]:
    found: list[list[int]] = []
    for row in rows:
        try:
            found += [one.ids for one in renderer.examples(shape, row, max_length=PROBE_TOKENS)[:1] if one.ids]
        except BadInput:
            continue  # the template refuses this row; it is counted when the training reads it
        if len(found) == N_PROBES:
            break
    return found or [renderer.prompt([{"role": "user", "content": "Hello"}])]


def _taken(earlier: ModelRef, home: Path) -> Path | None:
    """The merged weights of an earlier result on the same parent, which shares their disk space; None if damaged."""
    draft = _draft(home)
    bundle.copied(Path(earlier.base_folder), draft, bundle.BASE, link=True)
    if bundle.weights_sha256_of(draft) != earlier.base_revision:
        log.warning("the merged weights that %s carries are damaged; merging again", earlier.name)
        return None
    files.seal(draft)
    return draft


def _draft(home: Path) -> Path:
    """The place for an unsealed merged model, empty."""
    draft = home / f"{DRAFTS}{MERGED}"
    shutil.rmtree(draft, ignore_errors=True)
    return draft


def _merged(parent: ModelRef, home: Path, probes: Sequence[Sequence[int]]) -> Path:
    """A sealed draft folder with the merged model."""
    source = Path(parent.base_folder)
    stored = models.torch_dtype(_stored_dtype(source))
    found = Differences(0.0, 0.0)
    for dtype in dict.fromkeys((stored, torch.float32)):
        draft = _draft(home)
        found = _merge(parent, draft, dtype, probes)
        log.info("merged %s in %s: effect %.3g, difference %.3g", parent.name, dtype, found.effect, found.loss)
        if found.is_kept:
            _copy_rest(source, draft)
            files.seal(draft)
            return draft
    raise StudioError(
        f"The adapter of “{parent.name}” can't be merged into its base: the merged model's answers differ too much "
        f"({found.loss:.2g} in the logits, where the adapter changes {found.effect:.2g}).",
        code="merge_failed",
        remedy="Train the same adapter further (continue_from = same_adapter), or start from another model.",
    )


def _stored_dtype(folder: Path) -> str:
    return checkpoint_headers.facts(folder).stored_dtype


def _merge(parent: ModelRef, draft: Path, dtype: torch.dtype, probes: Sequence[Sequence[int]]) -> Differences:
    """Write the merged weights in this precision, and compare them as they are read again."""
    base = weights.load(parent.base_folder, dtype=torch.float32).eval()
    plain = _logits(base, probes)
    adapted = PeftModel.from_pretrained(base, str(parent.adapter_folder)).eval()
    wanted = _logits(adapted, probes)
    merged = adapted.merge_and_unload(safe_merge=True)
    models.cast(merged, dtype)
    merged.save_pretrained(str(draft))
    del base, adapted, merged
    again = _logits(weights.load(draft, dtype=torch.float32).eval(), probes)
    return Differences(effect=_distance(wanted, plain), loss=_distance(again, wanted))


@torch.no_grad()
def _logits(model: PreTrainedModel, probes: Sequence[Sequence[int]]) -> list[Tensor]:
    return [model(input_ids=torch.tensor([list(ids)])).logits[0].float() for ids in probes]


def _distance(one: Sequence[Tensor], other: Sequence[Tensor]) -> float:
    """Root mean square of the difference; infinite if a value is not finite."""
    squares = torch.cat([(a - b).square().flatten() for a, b in zip(one, other, strict=True)])
    return float(squares.mean().sqrt()) if squares.isfinite().all() else float("inf")


def _copy_rest(source: Path, target: Path) -> None:
    """Tokenizer, chat template and licence come from the base, whose files a merge doesn't change."""
    weight_files = {*checkpoint_headers.weight_files(source), checkpoint_headers.INDEX, files.MANIFEST}
    for path in source.iterdir():
        if path.is_file() and path.name not in weight_files and not (target / path.name).exists():
            shutil.copyfile(path, target / path.name)
