"""A model's weights in memory, the adapters on top, and the proof that both are right."""

from __future__ import annotations

import gc
import inspect
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from peft.helpers import rescale_adapter_scale
from torch import Tensor

from storage.rendering.renderer import Renderer
from templates.at_strength import AtStrength
from workers import (
    peft_types,  # noqa: F401  # registers them with PEFT
    sharing,
    weights,
)
from workers.classification.reading import Reading
from workers.serving import company, self_test, virtual
from workers.serving.attachable import Attachable
from workers.serving.decoding import BASE
from workers.serving.low_rank import LowRank
from workers.serving.row_caches import joinable
from workers.serving.self_test import SelfTest

PROBE = [{"role": "user", "content": "Which of these models is which? Name one word for each."}]
SMALL = 50_000_000
"""Below this number of parameters, waking a second thread for each layer costs more than it saves."""

log = logging.getLogger(__name__)


def device() -> torch.device:
    """The device for chat: the first GPU, or the CPU."""
    return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")


class Loaded:
    """A model, its tokenizer's renderer and its adapters. Used by one thread at a time."""

    def __init__(self, folder: Path, on: torch.device):
        self.device = on
        self.renderer = Renderer(folder)
        self._probe = self.renderer.prompt(PROBE)
        self._peft: Any = None
        self._low_rank: LowRank | None = None
        self._switched_to: str | None = None
        self._mixing: set[str] = set()
        self._exclusive: set[str] = set()
        self._virtual: dict[str, virtual.Virtual] = {}
        self._base: Any = weights.load(folder, dtype=torch.float32 if on.type == "cpu" else "auto")
        self._base.to(on).eval().requires_grad_(False)
        self.dtype: torch.dtype = self._base.dtype
        self._takes = frozenset(inspect.signature(self._base.forward).parameters)
        self._untouched, cache = self._probed([BASE])
        self.joins = self._caches and joinable(cache) and sharing.ignores_padding(self._logits, self._probe, on)
        """Whether rows can share a batch; tried, because recurrent and other architectures can't."""
        self.spoiled = False
        """Attaching an adapter failed and may have changed the base, so this model must not answer again."""
        self.self_tests = {BASE: SelfTest("passed", 0.0)}

    def _undisturbed(self, *adapters: str) -> bool:
        """Whether rows of several lengths, of base and these adapters, have the same logits together as alone."""
        lengths = (len(self._probe), sharing.N_SHORT)
        rows = [(self._probe[:length], which) for length in lengths for which in adapters]
        try:
            return company.difference(self.forward, self.device, rows) <= self._rounding
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # any error in a common batch means no
            log.info("rows can't share a batch: %s", error)
            return False

    @property
    def _rounding(self) -> float:
        """Largest difference of logits between two right ways to compute them."""
        return sharing.rounding(self._untouched)

    @property
    def n_threads(self) -> int:
        """Processor threads per step, on a machine that may be training at the same time."""
        most = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
        return 1 if self._base.num_parameters() < SMALL else most

    @property
    def adapters(self) -> set[str]:
        """The attached adapters."""
        return self._mixing | self._exclusive

    def prompt(self, ids: list[int], adapter: str) -> list[int]:
        """A row's tokens, with the adapter's virtual ones before them if it has any."""
        own = self._virtual.get(adapter)
        return own.prompt(ids) if own else ids

    def lane(self, adapter: str, strength: float = 1.0) -> str:
        """Rows with the same lane may be decoded together, if any may."""
        return str(AtStrength(adapter, strength)) if adapter in self._exclusive else BASE

    def forward(
        self,
        ids: Tensor,
        mask: Tensor,
        positions: Tensor,
        cache: Any,
        adapters: Sequence[str],
        strengths: Sequence[float] = (),
    ) -> tuple[Tensor, Any]:
        """Logits of each row's last position `(rows, vocabulary)`, and the cache. All rows are of one lane.

        Without `strengths`, every adapter works in full.
        """
        if not self._caches:  # the whole text again at each step, from the tokens kept in the cache's place
            ids = ids if cache is None else torch.cat([cache, ids], dim=-1)
            positions = (mask.cumsum(-1) - 1).clamp(min=0)
        own = self._virtual.get(adapters[0])
        tokens = {"input_ids": ids, "past_key_values": cache} if own is None else own.inputs(ids, self._base, cache)
        inputs: dict[str, Any] = {**tokens, "attention_mask": mask, "position_ids": positions}
        inputs |= {"use_cache": self._caches, "logits_to_keep": 1}
        inputs = {name: value for name, value in inputs.items() if name in self._takes}
        out = self._computed(inputs, adapters if own is None else [BASE] * len(adapters), strengths)
        return out.logits[:, -1], virtual.settled(out.past_key_values) if self._caches else ids

    @property
    def _caches(self) -> bool:
        """Whether the architecture keeps keys and values under transformers' usual name."""
        return "past_key_values" in self._takes

    def _computed(self, inputs: dict[str, Any], adapters: Sequence[str], strengths: Sequence[float]) -> Any:
        if self._peft is None or self._low_rank is None:
            return self._base(**inputs)
        if self._mixing.union({BASE}).issuperset(adapters):
            self._switch_to(BASE)
            self._low_rank.engage(adapters, strengths)
            return self._base(**inputs)
        self._low_rank.release()
        self._switch_to(adapters[0])
        if strengths and strengths[0] != 1:
            with rescale_adapter_scale(self._peft, strengths[0]):
                return self._peft(**inputs)
        return self._peft(**inputs)

    def reading(self, adapter: str, strength: float = 1.0) -> Reading:
        """Reads given tokens with this adapter at this strength, or without any (`BASE`)."""
        own = self._virtual.get(adapter)
        which = BASE if own else adapter
        return Reading(
            lambda inputs, n: self._computed(dict(inputs), [which] * n, [strength] * n), self._base, self._takes, own
        )

    def _switch_to(self, which: str) -> None:
        """Make one adapter of PEFT's work, or none (`BASE`); cheap if it is so already."""
        if which == self._switched_to:
            return
        self._switched_to = None
        if which == BASE:
            self._peft.base_model.disable_adapter_layers()
        else:
            self._peft.base_model.enable_adapter_layers()
            self._peft.set_adapter(which)
        self._switched_to = which

    def _logits(self, ids: Tensor, mask: Tensor, positions: Tensor) -> Tensor:
        return self.forward(ids, mask, positions, None, [BASE] * len(ids))[0]

    def attach(self, entry: Attachable) -> None:
        """Attach and test an adapter. Raises `StudioError`, with nothing attached, if the test fails."""
        if entry.adapter is None:
            raise TypeError("only an artifact's adapter can be attached")
        name = entry.adapter
        if own := virtual.read(entry.adapter_folder, self.device):
            self._virtual[name] = own
        else:
            self._attach(entry.adapter_folder, name)
        self._exclusive.add(name)
        try:
            self.self_tests[name] = self._prove(entry, name)
            if entry.mixes and self.joins:
                self._prove_mixing(name)
        except Exception:
            self.detach(name)
            base, _ = self._probed([BASE])
            self.spoiled = self_test.difference(base, self._untouched) > self_test.SAME[self.device.type]
            raise

    def _attach(self, folder: Path, name: str) -> None:
        options: dict[str, Any] = {"adapter_name": name, "torch_device": str(self.device)}
        self._let_go()
        self.spoiled = True  # until PEFT is done: a half-attached adapter looks like a complete one
        if self._peft is None:
            self._peft = PeftModel.from_pretrained(self._base, folder, **options)
        else:
            self._peft.load_adapter(folder, **options)
        self._peft.eval().requires_grad_(False)
        self._low_rank = LowRank(self._peft)
        self.spoiled = False

    def detach(self, name: str) -> None:
        """Take an adapter off and free its memory."""
        self._mixing.discard(name)
        self._exclusive.discard(name)
        self.self_tests.pop(name, None)
        if self._virtual.pop(name, None):
            return
        self._let_go()
        if others := self.adapters - self._virtual.keys():
            self._peft.set_adapter(next(iter(others)))
            self._peft.delete_adapter(name)
            self._low_rank = LowRank(self._peft)
        else:
            self._base, self._peft, self._low_rank = self._peft.unload(), None, None

    def _let_go(self) -> None:
        """Leave the layers to PEFT, which is about to change them."""
        self._switched_to = None
        if self._low_rank is not None:
            self._low_rank.release()

    def unload(self) -> None:
        """Free everything."""
        self._base = self._peft = self._low_rank = None
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _prove(self, entry: Attachable, name: str) -> SelfTest:
        """Test that base rows don't change and adapter rows do, and whether both can be computed together."""
        same = self_test.SAME[self.device.type]
        base, _ = self._probed([BASE])
        changed = 0.0 if entry.has_own_copy else self_test.difference(base, self._untouched)
        adapted, _ = self._probed([name])
        if not adapted.isfinite().all():
            raise self_test.unproven(entry, "its weights produce values that are not finite")
        effect = self_test.difference(adapted, self._untouched)
        if changed > same:
            raise self_test.unproven(
                entry, f"attaching it changes the base model's answers (by {changed:.2g} in the logits)"
            )
        self.self_tests[BASE] = SelfTest("passed", changed)
        return SelfTest("passed" if effect > same else "no_effect", changed, effect)

    def _prove_mixing(self, name: str) -> None:
        """Let an adapter share batches if it then does what PEFT does, and no row disturbs another.

        An adapter whose effect is as small as the rounding can't be told from the base, so it stays by itself.
        """
        if self._low_rank is None or not self._low_rank.computes(name):
            return
        (base, _), (by_peft, _) = self._probed([BASE]), self._probed([name])
        effect = self_test.difference(by_peft, base)
        self._exclusive.discard(name)
        self._mixing.add(name)
        if effect > self._rounding and self._computes_like(by_peft, name, effect) and self._undisturbed(BASE, name):
            return
        self._mixing.discard(name)
        self._exclusive.add(name)

    def _computes_like(self, by_peft: Tensor, name: str, effect: float) -> bool:
        """Whether the way to compute several adapters at once gives what PEFT gives."""
        try:
            here, _ = self._probed([name])
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:  # some architectures, such as OPT, lose the rows in their feed-forward layers
            log.info("%s can't share a batch: %s", name, error)
            return False
        return self_test.difference(here, by_peft) <= max(self._rounding, 0.1 * effect)

    @torch.inference_mode()
    def _probed(self, adapters: list[str]) -> tuple[Tensor, Any]:
        """Logits after the probe for each of `adapters`."""
        ids = torch.tensor([self.prompt(self._probe, adapter) for adapter in adapters], device=self.device)
        positions = torch.arange(ids.shape[1], device=self.device).expand_as(ids)
        return self.forward(ids, torch.ones_like(ids), positions, None, adapters)
