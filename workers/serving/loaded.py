"""One copy of a model's weights in memory, the adapters on top of it, and the proof that both are right."""

from __future__ import annotations

import gc
import inspect
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor
from transformers import AutoModelForCausalLM

from storage.gallery import artifacts
from storage.rendering.renderer import Renderer
from templates.errors import StudioError
from workers.serving.catalogue import Entry
from workers.serving.decoding import BASE, joinable

PROBE = [{"role": "user", "content": "Which of these models is which? Name one word for each."}]
SAME = {"cpu": 1e-5, "cuda": 1e-3}
"""Largest difference between the logits of two equal computations, by device type."""
ROUNDING = {"cpu": 1e-3, "cuda": 0.5}
"""Largest difference that computing rows together or alone explains: half precision on a GPU is coarse."""
SMALL = 50_000_000
"""Parameters below which waking a second thread for each layer costs more than it brings."""


@dataclass(frozen=True)
class SelfTest:
    """What was proved when a model was brought into memory."""

    outcome: str
    """`passed`, or `no_effect`: the adapter is attached but changes nothing that the model says."""
    base_difference: float
    """Largest change of a base logit by having the adapter attached: must be none."""
    adapter_effect: float | None = None
    """Largest difference between the adapter's and the base's logits; None without an adapter."""


def device() -> torch.device:
    """Where chat runs: the first GPU, or the processor."""
    return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")


class Loaded:
    """A model, its tokenizer's renderer and its adapters. Used by one thread at a time."""

    def __init__(self, folder: Path, on: torch.device):
        self.device = on
        self.renderer = Renderer(folder)
        dtype = torch.float32 if on.type == "cpu" else "auto"
        self._base = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, local_files_only=True, trust_remote_code=False, use_safetensors=True
        )
        self._base.to(on).eval().requires_grad_(False)
        self._peft: Any = None
        self._mixing: set[str] = set()
        self._exclusive: set[str] = set()
        takes = inspect.signature(self._base.forward).parameters
        self._extras = {"logits_to_keep": 1} if "logits_to_keep" in takes else {}
        self._probe = self.renderer.prompt(PROBE)
        self._untouched, cache = self._probed([BASE])
        self.joins = joinable(cache)
        """Whether rows can share a batch at all; not for models with a recurrent or windowed cache."""
        self.spoiled = False
        """Attaching an adapter went wrong and may have changed the base: nothing here may answer any more."""
        self.self_tests = {BASE: SelfTest("passed", 0.0)}

    @property
    def n_threads(self) -> int:
        """Processor threads that a step is worth, on a machine that may be training at the same time."""
        most = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
        return 1 if self._base.num_parameters() < SMALL else most

    @property
    def adapters(self) -> set[str]:
        """What is attached."""
        return self._mixing | self._exclusive

    def lane(self, adapter: str) -> str:
        """Rows with the same lane may be decoded together."""
        return adapter if adapter in self._exclusive else BASE

    def forward(
        self, ids: Tensor, mask: Tensor, positions: Tensor, cache: Any, adapters: Sequence[str]
    ) -> tuple[Tensor, Any]:
        """Logits of each row's last position `(rows, vocabulary)`, and the cache. All rows are of one lane."""
        inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": mask, "position_ids": positions}
        inputs |= {"past_key_values": cache, "use_cache": True, **self._extras}
        if self._peft is None:
            out = self._base(**inputs)
        elif adapters[0] in self._exclusive:
            self._peft.set_adapter(adapters[0])
            out = self._peft(**inputs)
        elif self._mixing:
            out = self._peft(**inputs, adapter_names=list(adapters))
        else:
            with self._peft.disable_adapter():
                out = self._peft(**inputs)
        return out.logits[:, -1], out.past_key_values

    def attach(self, entry: Entry) -> None:
        """Put an adapter on top and prove it. Raises `StudioError`, with nothing attached, when the proof fails."""
        if entry.artifact is None:
            raise TypeError("only an artifact's adapter can be attached")
        name, folder = entry.artifact.id, artifacts.folder(entry.artifact)
        self.spoiled = True  # until PEFT is through: a half-attached adapter can't be told from a whole one
        if self._peft is None:
            self._peft = PeftModel.from_pretrained(self._base, folder, adapter_name=name, torch_device=str(self.device))
        else:
            self._peft.load_adapter(folder, adapter_name=name, torch_device=str(self.device))
        self._peft.eval().requires_grad_(False)
        self.spoiled = False
        (self._mixing if entry.mixes else self._exclusive).add(name)
        try:
            self.self_tests[name] = self._prove(entry, name)
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
        """Base rows must be untouched, the adapter's must be its own, alone and in one batch with base rows."""
        config = self._peft.peft_config[name]
        if config.is_prompt_learning:
            raise StudioError(
                f"“{entry.name}” is a {config.peft_type.value} adapter, which chat can't put on top of a base.",
                code="not_servable",
                remedy="Download it and use it with PEFT.",
            )
        same, rounding = SAME[self.device.type], ROUNDING[self.device.type]
        base, _ = self._probed([BASE])
        changed = 0.0 if entry.has_own_copy else _difference(base, self._untouched)
        adapted, _ = self._probed([name])
        if not adapted.isfinite().all():
            raise _unproven(entry, "its weights give numbers that are not finite")
        effect = _difference(adapted, self._untouched)
        if entry.mixes:
            both, _ = self._probed([BASE, name])
            mixed_up = max(_difference(both[:1], base), _difference(both[1:], adapted))
            if mixed_up > max(rounding, 0.1 * effect):
                raise _unproven(entry, f"answers mix with the base's when both are computed together ({mixed_up:.2g})")
        if changed > same:
            raise _unproven(entry, f"attaching it changes what the base model says (by {changed:.2g} in the logits)")
        self.self_tests[BASE] = SelfTest("passed", changed)
        return SelfTest("passed" if effect > same else "no_effect", changed, effect)

    @torch.inference_mode()
    def _probed(self, adapters: list[str]) -> tuple[Tensor, Any]:
        """Logits after the probe for each of `adapters`."""
        ids = torch.tensor([self._probe] * len(adapters), device=self.device)
        positions = torch.arange(ids.shape[1], device=self.device).expand_as(ids)
        return self.forward(ids, torch.ones_like(ids), positions, None, adapters)


def _difference(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max())


def _unproven(entry: Entry, why: str) -> StudioError:
    return StudioError(
        f"“{entry.name}” is not served: {why}.",
        code="self_test_failed",
        remedy="Download it and use it on its own, and report this with the adapter's recipe.",
    )
