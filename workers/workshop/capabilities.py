"""Tries every method on a small model, on every precision and with every objective that needs no teacher.

The answers are stored (`templates/measured_methods.json`). What the declarations promise must agree with them, and a
new version of PEFT, TRL or transformers must give the same answers.
"""

from __future__ import annotations

import atexit
import importlib
import importlib.metadata
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import PreTrainedModel, set_seed

from storage.bases import base_models, checkpoint_headers
from storage.rendering.renderer import Renderer
from templates import registry
from templates.recipe import Recipe, compose
from templates.spec import QUANTIZATIONS, Method, Objective, Quantization
from workers import methods, models, sharing
from workers.protocol import ModelRef
from workers.serving.low_rank import LowRank
from workers.training import batches, results
from workers.training.ahead import TrainingAhead
from workers.training.batches import Example
from workers.training.setups import TrainingData, TrainingSetup

FILE = Path(registry.__file__).parent / "measured_methods.json"
BASE = "studio-nano"
PACKAGES = ("peft", "transformers", "trl", "bitsandbytes")
CPU = torch.device("cpu")
N_LAYERS, N_STEPS, N_UPDATES = 2, 8, 2
SAME = 2e-3
"""Largest difference between the logits of a result and of the same one, loaded or merged."""
START_ABSOLUTE, START_RELATIVE = 2e-4, 1e-3
"""How far an untrained method's logits may be from its base's; some PEFT types read a quantized weight otherwise."""
ROWS: Mapping[str, list[dict[str, Any]]] = {
    "prompt_completion": [{"prompt": f"say {word}", "completion": f"{word} it is"} for word in ("a", "b", "c", "d")],
    "preference": [
        {"prompt": [{"role": "user", "content": f"say {word}"}], "chosen": f"{word} it is", "rejected": "no"}
        for word in ("a", "b", "c", "d")
    ],
    "classification": [{"text": f"say {word}", "label": word} for word in ("a", "b", "a", "b")],
    "text": [{"text": f"the sea is {word}"} for word in ("green", "grey", "blue", "black")],
    "prompt_only": [{"prompt": f"say {word}"} for word in ("a", "b", "c", "d")],
}


def write(note: Callable[[str], None]) -> Path:
    """Measure everything again, and store it."""
    found: dict[str, Any] = {"versions": versions(), "methods": {}}
    for key in registry.methods():
        note(key)
        found["methods"][key] = of_method(key)
    FILE.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", "utf-8")
    return FILE


def read() -> dict[str, Any]:
    """What was stored."""
    found: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    return found


def versions() -> dict[str, str]:
    """The packages on which the answers depend, as they are installed."""
    return {name: importlib.metadata.version(name) for name in PACKAGES}


def of_method(key: str) -> dict[str, Any]:
    """The answers for one method: what works, by precision of the base and by objective."""
    method = registry.method(key)
    return {
        "precisions": [q for q in QUANTIZATIONS if _works(lambda q=q: _learns_and_loads(method, q))],  # type: ignore[misc]
        "objectives": [one.key for one in _objectives() if _works(lambda one=one: _takes_steps(method, one))],  # type: ignore[misc]
        "merges": method.trains == "adapter" and _works(lambda: _merges(method)),
        "mixes": method.trains == "adapter" and _works(lambda: _mixes(method)),
    }


def _works(attempt: Callable[[], bool]) -> bool:
    """Whether an attempt succeeds; any error of PEFT's, TRL's or torch's means no."""
    set_seed(1)
    try:
        return attempt()
    except Exception:
        return False


def _objectives() -> list[Objective]:
    # the others need a teacher, or a result to repair
    return [one for one in registry.objectives().values() if not one.roles and not one.repairs]


@cache
def _folder() -> Path:
    """Two layers of the base, in a folder that stays until the process ends."""
    bundled, folder = base_models.BUNDLED_DIR / BASE, _home() / "base"
    facts = checkpoint_headers.facts(bundled)
    shorter = compose("sft", "fewer_layers", settings={"every": facts.n_layers // N_LAYERS}, facts=facts)
    models.adapt(models.load_base(bundled, where=CPU), shorter).save_pretrained(str(folder))
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copyfile(bundled / name, folder / name)
    return folder


@cache
def _home() -> Path:
    home = tempfile.TemporaryDirectory(prefix="studio-methods-")
    atexit.register(home.cleanup)
    return Path(home.name)


def _recipe(method: Method, quantization: Quantization = "none", objective: str = "sft") -> Recipe:
    """The method's defaults, also where the declarations refuse them."""
    facts = checkpoint_headers.facts(_folder())
    few: dict[str, Any] = {"max_steps": N_UPDATES, "max_length": 64, "max_completion_length": 8}
    known = registry.objective(objective).params.model_fields
    if "verifiers" in known:  # some random answers pass, and some don't
        few |= {"verifiers": ["regular_expression"], "pattern": "^[^e]*$", "mask_truncated_completions": False}
    of_lora = compose(objective, "lora", facts=facts)
    rate = method.advised(facts)["learning_rate"]
    return Recipe(
        objective=objective,
        method=method.key,
        quantization=quantization,
        objective_params={
            **of_lora.objective_params,
            "learning_rate": rate,
            **{name: value for name, value in few.items() if name in known},
        },
        method_params=dict(method.defaults),
    )


def _examples() -> Sequence[Example]:
    rows = ROWS["prompt_completion"]
    return batches.render(Renderer(_folder()), "prompt_completion", rows, max_length=64, trains_prompt=False).kept


def _adapted(recipe: Recipe) -> PreTrainedModel:
    ahead = TrainingAhead(N_STEPS, _examples)
    made: PreTrainedModel = results.of(recipe.objective).adapted(str(_folder()), recipe, ahead, CPU)
    return made


def _trained(recipe: Recipe) -> tuple[PreTrainedModel, list[float]]:
    """A model after some steps, and its losses."""
    model, rows = _adapted(recipe), batches.padded(_examples(), on_the_right=True)
    rate = recipe.objective_params["learning_rate"]
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=rate)
    model.train()
    losses = []
    for _ in range(N_STEPS):
        optimizer.zero_grad()
        loss = model(**rows).loss
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    methods.finish(recipe.method, model)
    return model.eval(), losses


@torch.no_grad()
def _logits(model: PreTrainedModel) -> torch.Tensor:
    row = torch.tensor([list(_examples()[0].ids)])
    found: torch.Tensor = model(input_ids=row, attention_mask=torch.ones_like(row)).logits
    return found


def _learns_and_loads(method: Method, quantization: Quantization) -> bool:
    recipe = _recipe(method, quantization)
    with tempfile.TemporaryDirectory(prefix="studio-methods-") as folder:
        start = Path(folder)
        fresh = _adapted(recipe)
        if method.starts_at_base and not _starts_at_base(fresh, recipe):
            return False
        if models.moves_base(recipe):
            models.save_start(fresh, start)
        model, losses = _trained(recipe)
        published = models.as_published(model, recipe, str(_folder()), "BF16", start)
        wanted = _logits(published)  # before saving, which rounds whole models
        models.save(published, recipe, start / "saved", "BF16")
        is_adapter = method.trains == "adapter"
        ref = ModelRef(
            name="x",
            base_folder=str(_folder() if is_adapter else start / "saved"),
            base_revision="1",
            adapter_folder=str(start / "saved") if is_adapter else None,
        )
        same = float((_logits(models.load(ref, CPU)) - wanted).abs().max()) <= SAME
    return same and losses[-1] < losses[0] and not any(loss != loss for loss in losses)


def _starts_at_base(fresh: PreTrainedModel, recipe: Recipe) -> bool:
    base = models.load_to_train(_folder(), recipe, CPU)
    return torch.allclose(_logits(fresh.eval()), _logits(base), atol=START_ABSOLUTE, rtol=START_RELATIVE)


def _merges(method: Method) -> bool:
    model, _ = _trained(_recipe(method))
    wanted = _logits(model)
    merged = model.merge_and_unload(safe_merge=True)
    return not isinstance(merged, PeftModel) and float((_logits(merged) - wanted).abs().max()) <= SAME


def _mixes(method: Method) -> bool:
    model = _adapted(_recipe(method))
    return not sharing.has_virtual_tokens(model) and LowRank(model).computes("default")


def _takes_steps(method: Method, objective: Objective) -> bool:
    """Whether the objective's own trainer makes updates that change the model's answers."""
    recipe = _recipe(method, objective=objective.key)
    shape = next(shape for shape in objective.row_shapes if shape in ROWS)
    data = TrainingData(
        objective.key, recipe.training(), shape, ROWS[shape], ROWS[shape], Renderer(_folder()), job_id="measured"
    )
    setup: TrainingSetup = importlib.import_module(f"workers.objectives.{objective.key}").set_up(data)
    model = _adapted(recipe)
    before = _logits(model.eval())
    with tempfile.TemporaryDirectory(prefix="studio-methods-") as folder:
        trainer = setup.trainer(model, Path(folder))
        for callback in methods.callbacks(method.key, model):
            trainer.add_callback(callback)
        trainer.train()
    if setup.held_out_loss:
        setup.held_out_loss(model, lambda: False)
    return bool((_logits(model.eval()) - before).abs().max() > 0)
