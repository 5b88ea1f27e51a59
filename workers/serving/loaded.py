"""A model's weights in memory, the adapters on top, and the proof that both are right."""

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
"""Largest difference between the logits of two identical computations, by device type."""
ROUNDING = {"cpu": 1e-3, "cuda": 0.5}
"""Largest difference between computing rows together and alone; half precision on a GPU is coarse."""
SMALL = 50_000_000
"""Below this number of parameters, waking a second thread for each layer costs more than it saves."""


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
        """Whether rows can share a batch; False for models with a recurrent or windowed cache."""
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
        """Attach and test an adapter. Raises `StudioError`, with nothing attached, if the test fails."""
        if entry.artifact is None:
            raise TypeError("only an artifact's adapter can be attached")
        name, folder = entry.artifact.id, artifacts.folder(entry.artifact)
        self.spoiled = True  # until PEFT is done: a half-attached adapter looks like a complete one
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
        """Test that base rows don't change, and that adapter rows are the same alone and beside base rows."""
        config = self._peft.peft_config[name]
        if config.is_prompt_learning:
            raise StudioError(
                f"“{entry.name}” is a {config.peft_type.value} adapter, which chat can't attach to a base.",
                code="not_servable",
                remedy="Download it and use it with PEFT.",
            )
        same, rounding = SAME[self.device.type], ROUNDING[self.device.type]
        base, _ = self._probed([BASE])
        changed = 0.0 if entry.has_own_copy else _difference(base, self._untouched)
        adapted, _ = self._probed([name])
        if not adapted.isfinite().all():
            raise _unproven(entry, "its weights produce values that are not finite")
        effect = _difference(adapted, self._untouched)
        if entry.mixes:
            both, _ = self._probed([BASE, name])
            mixed_up = max(_difference(both[:1], base), _difference(both[1:], adapted))
            if mixed_up > max(rounding, 0.1 * effect):
                raise _unproven(
                    entry, f"its answers mix with the base's when both are computed together ({mixed_up:.2g})"
                )
        if changed > same:
            raise _unproven(entry, f"attaching it changes the base model's answers (by {changed:.2g} in the logits)")
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
        f"Chat can't serve “{entry.name}”: {why}.",
        code="self_test_failed",
        remedy="Download it and use it on its own, and report this with the adapter's recipe.",
    )
