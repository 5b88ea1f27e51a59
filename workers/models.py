"""Loads base models and puts methods on them.

Weights are held in the dtype that is fastest on the device (`workers.precision`); never in float16, which is a
hundred times slower on a CPU. Nothing is downloaded: models are local folders with
safetensors, and code in a model's folder never runs.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import psutil
import torch
from bitsandbytes.nn import Linear4bit
from peft import PeftModel, get_peft_model
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
from peft.utils.peft_types import PeftType
from transformers import BitsAndBytesConfig, PreTrainedModel
from transformers.utils import logging as transformers_logging

from storage.bases import checkpoint_headers
from templates import registry
from templates.errors import StudioError
from templates.recipe import Recipe
from templates.spec import Method, Params, Quantization
from workers import (
    methods,
    peft_types,  # noqa: F401  # registers them with PEFT, so that their adapters can be loaded
    precision,
    targets,
    weights,
)
from workers.protocol import ModelRef
from workers.training.ahead import TrainingAhead

Dtype = Literal["auto", "float32", "bfloat16"]
Read = Callable[..., PreTrainedModel]
"""Takes a folder and options of `from_pretrained`."""
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
START = "start"
"""Folder and adapter name of the adapter as initialised."""
WIDENED = 2
"""A base is mostly stored in 16 bits, but takes 32 on a CPU."""
ROOM = 0.8
NO_TRAINING = TrainingAhead()
transformers_logging.disable_progress_bar()
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # int8 warns about a cast at every layer call


def device() -> torch.device:
    """The GPU that the worker gave this process, or the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def load_base(
    folder: str | Path,
    quantization: Quantization = "none",
    where: torch.device | None = None,
    dtype: Dtype = "auto",
    read: Read = weights.load,
) -> PreTrainedModel:
    """A base model (or a full-model artifact) from its folder, ready to answer: in eval mode.

    `read` reads the files; another one than the default gives another head.
    """
    where = where or device()
    kind = DTYPES.get(dtype) or precision.held_dtype(where)
    options: dict[str, Any] = {"dtype": kind}
    if quantization == "nf4":
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=kind,
        )
    elif quantization == "int8":
        options["quantization_config"] = BitsAndBytesConfig(load_in_8bit=True)
    if quantization != "none" or where.type == "cuda":
        options["device_map"] = {"": where.index or 0 if where.type == "cuda" else "cpu"}
    model = read(folder, **options)
    _keep_trainable(model)
    if quantization == "none":
        precision.autocast(model)
    return model.eval()


def _keep_trainable(model: PreTrainedModel) -> None:
    """Keep bitsandbytes from repacking 4-bit weights at the first forward pass in eval mode on a CPU.

    The packed form is faster, but passes no gradients and is never unpacked: measuring a held-out loss
    during training would silently stop all lower layers from learning.
    """
    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False


def load(ref: ModelRef, where: torch.device | None = None, quantization: Quantization = "none") -> PreTrainedModel:
    """A model for chat and evaluation: the base, with its adapter if there is one."""
    model = load_base(ref.base_folder, quantization, where)
    if ref.adapter_folder:
        model = PeftModel.from_pretrained(model, ref.adapter_folder, is_trainable=False)
    return model.eval()


def context_length(ref: ModelRef) -> int:
    """The tokens that a model reads, without those that its adapter puts before every row."""
    config = Path(ref.adapter_folder or "") / "adapter_config.json"
    virtual = json.loads(config.read_bytes()).get("num_virtual_tokens") if ref.adapter_folder else None
    return checkpoint_headers.context_length(Path(ref.base_folder)) - (virtual or 0)


def load_to_train(
    folder: str | Path, recipe: Recipe, where: torch.device | None = None, read: Read = weights.load
) -> PreTrainedModel:
    """A base in the precision in which the recipe's method changes it or puts an adapter on it."""
    own_weights = registry.method(recipe.method).trains != "adapter"
    return load_base(folder, recipe.quantization, where, "float32" if own_weights else "auto", read)


def adapt(
    model: PreTrainedModel, recipe: Recipe, ahead: TrainingAhead = NO_TRAINING, task_type: str = "CAUSAL_LM"
) -> PreTrainedModel:
    """Put the recipe's method on a freshly loaded base, ready to be trained; see `workers/methods/`.

    `task_type` is PEFT's name for what the model's head does.
    """
    method, params, own = registry.method(recipe.method), recipe.adaptation(), methods.own_part(recipe.method)
    if hasattr(own, "adapt"):
        adapted: PreTrainedModel = own.adapt(model, params, ahead)
        precision.autocast(adapted)  # it may be another model
        return adapted
    if method.peft_type is None:
        raise TypeError(f"{method.key} has neither a peft_type nor an adapt in workers/methods/{method.key}.py")
    try:
        made = get_peft_model(model, peft_config(method, params, model, ahead, task_type))
    except ValueError as error:  # PEFT raises it for settings that don't fit this architecture
        raise StudioError(
            f"PEFT can't apply {method.title} with these settings to this base model: {error}",
            code="method_does_not_fit",
            remedy="Choose other settings or another method.",
        ) from error
    if hasattr(own, "initialise"):
        own.initialise(made, params, ahead)
    return made


def trained_further(model: PreTrainedModel, adapter_folder: str) -> PreTrainedModel:
    """An adapter on its freshly loaded base, ready to be trained further."""
    adapted = PeftModel.from_pretrained(model, adapter_folder, is_trainable=True)
    for config in adapted.peft_config.values():
        # a published adapter names its base as recipients know it, and PEFT would ask the hub for it at every save
        config.base_model_name_or_path = model.name_or_path
    return adapted


def peft_config(
    method: Method,
    params: Params,
    model: PreTrainedModel,
    ahead: TrainingAhead = NO_TRAINING,
    task_type: str = "CAUSAL_LM",
) -> Any:
    """PEFT's configuration of the method."""
    own = methods.own_part(method.key)
    given = own.configure(params, model, ahead) if hasattr(own, "configure") else targets.arguments(params, model)
    kind = PEFT_TYPE_TO_CONFIG_MAPPING[PeftType(method.peft_type)]
    takes = {field.name for field in dataclasses.fields(kind)}
    if "feedforward_modules" in takes:  # PEFT knows these layers for a few architectures only
        made, feed_forward = targets.rescaled(model)
        given |= {"target_modules": [*made, *feed_forward], "feedforward_modules": feed_forward}
    if "fan_in_fan_out" in takes and targets.has_conv1d_only(model):
        given["fan_in_fan_out"] = True
    return kind(task_type=task_type, **given)


def moves_base(recipe: Recipe) -> bool:
    """Whether the method's initialisation changes the base weights under the adapter."""
    return registry.method(recipe.method).moves_base(recipe.method_params)


def torch_dtype(name: str) -> torch.dtype:
    """The dtype with this name, torch's (`bfloat16`) or safetensors' (`BF16`)."""
    known = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32, "F64": torch.float64}
    found = known.get(name, getattr(torch, name, None))
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise StudioError(f"The base model's weights are stored as {name}, which can't be trained.", code="bad_dtype")
    return found


def save_start(model: PreTrainedModel, folder: Path) -> None:
    """Save the adapter as initialised; needed later if that changed the base (`moves_base`)."""
    model.save_pretrained(str(folder / START))


def as_published(
    model: PreTrainedModel,
    recipe: Recipe,
    base_folder: str,
    stored_dtype: str,
    start: Path,
    read: Read = weights.load,
) -> PreTrainedModel:
    """The trained model exactly as others will load it: in eval mode and on the untouched base.

    Full weights are rounded to the base's stored dtype. An adapter whose initialisation changed the base
    is rewritten as a plain one with twice the rank, on a freshly loaded base. An adapter trained on a
    quantized base moves to the base in full precision, as in chat and downloads, if that fits.
    """
    where = model.device
    model.config.use_cache = True  # a Trainer switches it off, which would make answering many times slower
    if registry.method(recipe.method).trains != "adapter":
        cast(model, torch_dtype(stored_dtype))
        cast(model, precision.held_dtype(where))
        return model.eval()
    if moves_base(recipe):
        converted = start / "converted"
        model.save_pretrained(str(converted), path_initial_model_for_weight_conversion=str(start / START))
        del model
        return PeftModel.from_pretrained(load_base(base_folder, where=where, read=read), str(converted)).eval()
    if recipe.quantization != "none" and fits_plain(base_folder, where):
        trained = start / "trained"
        model.save_pretrained(str(trained))
        del model
        return PeftModel.from_pretrained(load_base(base_folder, where=where, read=read), str(trained)).eval()
    return model.eval()


def cast(model: PreTrainedModel, dtype: torch.dtype) -> None:
    """Round only the weights: `model.to` would also round the rotary frequencies, which stay in 32 bits."""
    for parameter in model.parameters():
        parameter.grad = None
        parameter.data = parameter.data.to(dtype)


def fits_plain(base_folder: str, where: torch.device) -> bool:
    """Whether the base in full precision fits in the memory that is free now."""
    stored = sum(path.stat().st_size for path in Path(base_folder).glob("*.safetensors"))
    free, needed = psutil.virtual_memory().available, WIDENED * stored
    if where.type == "cuda":
        free, needed = torch.cuda.mem_get_info(where)[0], stored
    return bool(needed < ROOM * free)


def is_quantized(model: PreTrainedModel) -> bool:
    """Whether the base under an adapter is in 8 or 4 bits."""
    return getattr(model.config, "quantization_config", None) is not None


def save(model: PreTrainedModel, recipe: Recipe, folder: Path, stored_dtype: str) -> None:
    """Write the result: an adapter, or all weights in the base's stored dtype."""
    if registry.method(recipe.method).trains != "adapter":
        cast(model, torch_dtype(stored_dtype))
    model.save_pretrained(str(folder))
