"""A model's weights in memory, the adapters on top, and the proof that both are right."""

from __future__ import annotations

import gc
import inspect
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor

from storage.gallery import artifacts
from storage.rendering.renderer import Renderer
from templates.errors import StudioError
from workers import sharing, weights
from workers.serving.catalogue import Entry
from workers.serving.decoding import BASE, joinable

PROBE = [{"role": "user", "content": "Which of these models is which? Name one word for each."}]
SAME = {"cpu": 1e-5, "cuda": 1e-3}
"""Largest difference between the logits of two identical computations, by device type."""
MIXED = "__mixed__"
"""State in which every row of a batch names its adapter."""
SMALL = 50_000_000
"""Below this number of parameters, waking a second thread for each layer costs more than it saves."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SelfTest:
    """The results of the self-test at load time."""

    outcome: str
    """`passed`, or `no_effect`: the adapter is attached but doesn't change the model's answers."""
    base_difference: float
    """Largest change of a base logit when the adapter is attached; must be zero."""
    adapter_effect: float | None = None
    """Largest difference between the adapter's and the base's logits; None without an adapter."""


def device() -> torch.device:
    """The device for chat: the first GPU, or the CPU."""
    return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")


class Loaded:
    """A model, its tokenizer's renderer and its adapters. Used by one thread at a time."""

    def __init__(self, folder: Path, on: torch.device):
        self.device = on
        self.renderer = Renderer(folder)
        self._base: Any = weights.load(folder, dtype=torch.float32 if on.type == "cpu" else "auto")
        self._base.to(on).eval().requires_grad_(False)
        self._peft: Any = None
        self._switched_to: str | None = None
        self._mixing: set[str] = set()
        self._exclusive: set[str] = set()
        self._takes = frozenset(inspect.signature(self._base.forward).parameters)
        self._probe = self.renderer.prompt(PROBE)
        self._untouched, cache = self._probed([BASE])
        self.joins = self._caches and joinable(cache) and sharing.ignores_padding(self._logits, self._probe, on)
        """Whether rows can share a batch; tried, because recurrent and other architectures can't."""
        self.spoiled = False
        """Attaching an adapter failed and may have changed the base, so this model must not answer again."""
        self.self_tests = {BASE: SelfTest("passed", 0.0)}

    @property
    def n_threads(self) -> int:
        """Processor threads per step, on a machine that may be training at the same time."""
        most = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
        return 1 if self._base.num_parameters() < SMALL else most

    @property
    def adapters(self) -> set[str]:
        """The attached adapters."""
        return self._mixing | self._exclusive

    def lane(self, adapter: str) -> str:
        """Rows with the same lane may be decoded together, if any may."""
        return adapter if adapter in self._exclusive else BASE

    def forward(
        self, ids: Tensor, mask: Tensor, positions: Tensor, cache: Any, adapters: Sequence[str]
    ) -> tuple[Tensor, Any]:
        """Logits of each row's last position `(rows, vocabulary)`, and the cache. All rows are of one lane."""
        if not self._caches:  # the whole text again at each step, from the tokens kept in the cache's place
            ids = ids if cache is None else torch.cat([cache, ids], dim=-1)
            positions = (mask.cumsum(-1) - 1).clamp(min=0)
        inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": mask, "position_ids": positions}
        inputs |= {"past_key_values": cache, "use_cache": self._caches, "logits_to_keep": 1}
        inputs = {name: value for name, value in inputs.items() if name in self._takes}
        out = self._computed(inputs, adapters)
        return out.logits[:, -1], out.past_key_values if self._caches else ids

    @property
    def _caches(self) -> bool:
        """Whether the architecture keeps keys and values under transformers' usual name."""
        return "past_key_values" in self._takes

    def _computed(self, inputs: dict[str, Any], adapters: Sequence[str]) -> Any:
        if self._peft is None:
            return self._base(**inputs)
        if len(set(adapters)) == 1:
            self._switch_to(adapters[0])
            return self._peft(**inputs)
        self._switch_to(MIXED)
        try:
            return self._peft(**inputs, adapter_names=list(adapters))
        except Exception:
            _take_off_names(self._peft)
            raise

    def _switch_to(self, which: str) -> None:
        """Make one adapter work, or none (`BASE`), or those that a batch names (`MIXED`); cheap if it is so already."""
        if which == self._switched_to:
            return
        self._switched_to = None
        if which == BASE:
            self._peft.base_model.disable_adapter_layers()
        else:
            self._peft.base_model.enable_adapter_layers()
        if which not in (BASE, MIXED):
            self._peft.set_adapter(which)
        self._switched_to = which

    def _logits(self, ids: Tensor, mask: Tensor, positions: Tensor) -> Tensor:
        return self.forward(ids, mask, positions, None, [BASE] * len(ids))[0]

    def attach(self, entry: Entry) -> None:
        """Attach and test an adapter. Raises `StudioError`, with nothing attached, if the test fails."""
        if entry.artifact is None:
            raise TypeError("only an artifact's adapter can be attached")
        name, folder = entry.artifact.id, artifacts.folder(entry.artifact)
        self._switched_to = None
        self.spoiled = True  # until PEFT is done: a half-attached adapter looks like a complete one
        if self._peft is None:
            self._peft = PeftModel.from_pretrained(self._base, folder, adapter_name=name, torch_device=str(self.device))
        else:
            self._peft.load_adapter(folder, adapter_name=name, torch_device=str(self.device))
        self._peft.eval().requires_grad_(False)
        self.spoiled = False
        self._exclusive.add(name)
        try:
            self.self_tests[name] = self._prove(entry, name)
            self._prove_mixing(name if entry.mixes else None)
        except Exception:
            self.detach(name)
            base, _ = self._probed([BASE])
            self.spoiled = _difference(base, self._untouched) > SAME[self.device.type]
            raise

    def detach(self, name: str) -> None:
        """Take an adapter off and free its memory."""
        self._mixing.discard(name)
        self._exclusive.discard(name)
        self.self_tests.pop(name, None)
        self._switched_to = None
        if self.adapters:
            self._peft.set_adapter(next(iter(self.adapters)))
            self._peft.delete_adapter(name)
        else:
            self._base, self._peft = self._peft.unload(), None

    def unload(self) -> None:
        """Free everything."""
        self._base = self._peft = None
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _prove(self, entry: Entry, name: str) -> SelfTest:
        """Test that base rows don't change and adapter rows do, and whether both can be computed together."""
        config = self._peft.peft_config[name]
        if config.is_prompt_learning:
            raise StudioError(
                f"“{entry.name}” is a {config.peft_type.value} adapter, which chat can't attach to a base.",
                code="not_servable",
                remedy="Download it and use it with PEFT.",
            )
        same = SAME[self.device.type]
        base, _ = self._probed([BASE])
        changed = 0.0 if entry.has_own_copy else _difference(base, self._untouched)
        adapted, _ = self._probed([name])
        if not adapted.isfinite().all():
            raise _unproven(entry, "its weights produce values that are not finite")
        effect = _difference(adapted, self._untouched)
        if changed > same:
            raise _unproven(entry, f"attaching it changes the base model's answers (by {changed:.2g} in the logits)")
        self.self_tests[BASE] = SelfTest("passed", changed)
        return SelfTest("passed" if effect > same else "no_effect", changed, effect)

    def _prove_mixing(self, candidate: str | None) -> None:
        """Try which adapters can share a batch with base rows; a new one can end that for the others."""
        tried = {name for name in (*self._mixing, candidate) if name is not None and self.joins}
        self._mixing = {name for name in tried if self._mixes(name)}
        self._exclusive = (self._exclusive | tried) - self._mixing

    def _mixes(self, name: str) -> bool:
        """Whether a base row and an adapter row have the same logits in one batch as each alone.

        PEFT refuses that for some layers and settings, and ignores it for others. An adapter whose effect is as
        small as the rounding can't be told from the base, so it stays by itself.
        """
        (base, _), (adapted, _) = self._probed([BASE]), self._probed([name])
        rounding, effect = sharing.ROUNDING[self.device.type], _difference(adapted, base)
        if effect <= rounding:
            return False
        try:
            both, _ = self._probed([BASE, name])
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # any error in a mixed batch means no
            log.info("%s is decoded by itself: %s", name, error)
            return False
        return max(_difference(both[:1], base), _difference(both[1:], adapted)) <= max(rounding, 0.1 * effect)

    @torch.inference_mode()
    def _probed(self, adapters: list[str]) -> tuple[Tensor, Any]:
        """Logits after the probe for each of `adapters`."""
        ids = torch.tensor([self._probe] * len(adapters), device=self.device)
        positions = torch.arange(ids.shape[1], device=self.device).expand_as(ids)
        return self.forward(ids, torch.ones_like(ids), positions, None, adapters)


def _take_off_names(model: torch.nn.Module) -> None:
    """Remove the adapter names that PEFT leaves on every layer when a mixed batch fails, or the next would get them."""
    for module in model.modules():
        for key, hook in list(module._forward_pre_hooks.items()):
            if isinstance(hook, partial) and "adapter_names" in hook.keywords:
                module._forward_pre_hooks.pop(key)
                module._forward_pre_hooks_with_kwargs.pop(key, None)


def _difference(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max())


def _unproven(entry: Entry, why: str) -> StudioError:
    return StudioError(
        f"Chat can't serve “{entry.name}”: {why}.",
        code="self_test_failed",
        remedy="Download it and use it on its own, and report this with the adapter's recipe.",
    )
