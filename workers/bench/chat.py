"""`python -m workers.bench.chat WHO ORDER`: answers the same prompts with the studio's decoding or with transformers.

WHO is a name in `WAYS`, or `adapters`, which makes the adapters first; ORDER is the path of a JSON document, a
`Talks`. Prints tokens a second for each of `SCENES` as JSON, from the question to the last token, and the dtype of
the weights. Every answer is greedy and has the same length. Loading doesn't count.
"""

from __future__ import annotations

import json
import queue
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from pydantic import BaseModel

from storage.rendering.renderer import Renderer
from workers import models, weights
from workers.serving.answers import Answer
from workers.serving.decoding import BASE, Row
from workers.serving.engine import Engine
from workers.serving.events import Broke, Ended, Event
from workers.serving.loaded import Loaded, device

ADAPTERS = ("first", "second", "third")
PROMPTS = (
    "What is the capital of France?",
    "Write a short story about a dog who learns to sail across the ocean with his friends.",
    "My card has not arrived yet. What should I do?",
    "Explain to a child, in simple words and with an example, how plants live on light.",
)
SCENES = {"one": [BASE], "four": [BASE] * 4, "mixed": [BASE, *ADAPTERS]}
RANK, STRENGTH = 16, 0.3
"""Rank of the adapters, and their size as a share of the weights': enough to change what is answered."""
WARM_UP = 8

Tokens = list[list[int]]
Asked = Sequence[tuple[str, str]]
"""Prompts and the adapters that answer them."""
Decode = Callable[[Asked, int], Tokens]
"""Answers all of these at once with so many tokens each."""


class Talks(BaseModel):
    """What every way is given."""

    base_folder: str
    adapters_folder: str
    n_tokens: int
    threads: int


@dataclass(frozen=True)
class _OnDisk:
    """An adapter of this measurement, as chat attaches it."""

    name: str
    adapter_folder: Path
    has_own_copy: bool = False
    mixes: bool = True

    @property
    def adapter(self) -> str:
        """Its name among the attached ones."""
        return self.name


class _Recorded(Answer):
    """An answer that keeps its tokens."""

    def take(self, token: int) -> str:
        """Add a token."""
        self.tokens = [*getattr(self, "tokens", []), token]
        return super().take(token)


def make_adapters(talks: Talks) -> None:
    """Write adapters with random weights."""
    for seed, name in enumerate(ADAPTERS):
        torch.manual_seed(seed)
        config = LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules="all-linear", task_type="CAUSAL_LM")
        model = get_peft_model(weights.load(talks.base_folder, dtype=torch.float32), config)
        with torch.no_grad():
            for module in model.modules():
                if hasattr(module, "lora_B") and "default" in module.lora_B:
                    down, up = module.lora_A["default"].weight, module.lora_B["default"].weight
                    spread = module.get_base_layer().weight.std() / (down.std() * RANK**0.5)
                    up.normal_(std=float(STRENGTH * spread / module.scaling["default"]))
        model.save_pretrained(str(Path(talks.adapters_folder) / name))


def studio(talks: Talks) -> tuple[Decode, torch.dtype]:
    """The chat server's engine."""
    loaded = Loaded(Path(talks.base_folder), device())
    for name in ADAPTERS:
        loaded.attach(_OnDisk(name, Path(talks.adapters_folder) / name))
    engine, renderer = Engine(loaded), loaded.renderer

    def decode(asked: Asked, n_tokens: int) -> Tokens:
        told: queue.SimpleQueue[Event] = queue.SimpleQueue()
        answers = [_Recorded(renderer.decode_all) for _ in asked]
        for (prompt, adapter), answer in zip(asked, answers, strict=True):
            ids = renderer.prompt([{"role": "user", "content": prompt}])
            engine.submit(Row(ids, adapter, answer, told.put, eos_ids=frozenset(), max_tokens=n_tokens))
        n_open = len(answers)
        while n_open:
            event = told.get()
            if isinstance(event, Broke):
                raise RuntimeError(event.why)
            n_open -= isinstance(event, Ended)
        return [answer.tokens for answer in answers]

    return decode, loaded.dtype


def transformers(talks: Talks) -> tuple[Decode, torch.dtype]:
    """transformers' `generate` with its defaults, and PEFT's `adapter_names` for mixed batches."""
    renderer, where = Renderer(Path(talks.base_folder)), models.device()
    base: Any = weights.load(talks.base_folder, dtype="auto").to(where).eval()
    dtype, plain = base.dtype, weights.load(talks.base_folder, dtype="auto").to(where).eval()
    adapted: Any = None
    for name in ADAPTERS:
        folder = str(Path(talks.adapters_folder) / name)
        if adapted is None:
            adapted = PeftModel.from_pretrained(base, folder, adapter_name=name)
        else:
            adapted.load_adapter(folder, adapter_name=name)
    adapted.eval()

    def decode(asked: Asked, n_tokens: int) -> Tokens:
        prompts = [renderer.prompt([{"role": "user", "content": prompt}]) for prompt, _ in asked]
        adapters = [adapter for _, adapter in asked]
        longest = max(map(len, prompts))
        ids = torch.tensor([[0] * (longest - len(one)) + one for one in prompts], device=where)
        mask = torch.tensor([[0] * (longest - len(one)) + [1] * len(one) for one in prompts], device=where)
        length = {"max_new_tokens": n_tokens, "min_new_tokens": n_tokens, "do_sample": False, "pad_token_id": 0}
        named: dict[str, Any] = {"input_ids": ids, "attention_mask": mask, "eos_token_id": None, **length}
        is_mixed = set(adapters) != {BASE}
        found = adapted.generate(**named, adapter_names=adapters) if is_mixed else plain.generate(**named)
        return [row[longest:].tolist() for row in found]

    return decode, dtype


WAYS: dict[str, Callable[[Talks], tuple[Decode, torch.dtype]]] = {"studio": studio, "transformers": transformers}


@torch.inference_mode()
def run(who: str, talks: Talks) -> dict[str, Any]:
    """Answer in this way and measure it; compare answers given together with those given one by one."""
    torch.set_num_threads(talks.threads)
    decode, dtype = WAYS[who](talks)
    found: dict[str, Any] = {"dtype": str(dtype).removeprefix("torch.")}
    answers: dict[str, Tokens] = {}
    for scene, adapters in SCENES.items():
        asked = list(zip(PROMPTS, adapters, strict=False))
        decode(asked, WARM_UP)
        began = time.perf_counter()
        answers[scene] = decode(asked, talks.n_tokens)
        found[scene] = sum(map(len, answers[scene])) / (time.perf_counter() - began)
    alone = [decode([one], talks.n_tokens)[0] for one in zip(PROMPTS, SCENES["mixed"], strict=True)]
    found["same"] = sum(one == other for one, other in zip(answers["mixed"], alone, strict=True))
    found["changed"] = sum(one != other for one, other in zip(answers["mixed"], answers["four"], strict=True))
    return found


def main() -> None:
    """Do what the command line says."""
    talks = Talks.model_validate_json(Path(sys.argv[2]).read_bytes())
    if sys.argv[1] == "adapters":
        make_adapters(talks)
    else:
        print(json.dumps(run(sys.argv[1], talks)))


if __name__ == "__main__":
    main()
