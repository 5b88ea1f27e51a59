"""Low-rank adaptation (LoRA).

**What it does.** The base model stays frozen. Training adds two thin matrices *A* and *B* beside
each projection matrix *W*, and the layer computes *Wx + (alpha / r) · BAx*. Only *A* and *B* are
stored: the result is a small file that goes on top of the base when you chat.

**When to use it.** Almost always first: style, format, labels, tone, a narrow task. A few hundred
good rows are often enough. **When not:** to teach many new facts, or when every last point counts
and memory does not: then try *full*.

**Variants.** `use_rslora` scales by alpha / √r, which keeps large ranks stable (Kalajdzievski 2023,
arXiv 2312.03732). `use_dora` trains direction and magnitude separately: a little better at small
ranks, but slower (Liu et al. 2024, arXiv 2402.09353). `init_lora_weights` `eva` starts from what your rows send into
each layer (Paischer et al. 2024, arXiv 2410.07170); `pissa` and `olora` from the weights (Meng et al. 2024, arXiv
2404.02948; Büyükakyüz 2024, arXiv 2406.01775). On a base in 4-bit nf4 this is QLoRA (Dettmers et al.
2023, arXiv 2305.14314).

**Cost.** Trains 0.1–5 % of the parameters; a forward and backward pass of the whole model.

**Source.** Hu et al. 2021, arXiv 2106.09685, equation 3.
"""

from collections.abc import Mapping
from typing import Any, Literal

from templates import layers
from templates.errors import Problem
from templates.layers import Projection
from templates.spec import BaseFacts, Method, Params, Quantization, Settings, setting

LEAVES_BASE_ALONE = ("default", True, False, "gaussian", "eva", "orthogonal")
"""Initialisations known to leave the base's weights unchanged. PiSSA and OLoRA change them; others may."""


class LoraParams(Params):
    """Arguments of `peft.LoraConfig`, under the same names."""

    r: int = setting(16, "Rank", shown=True, ge=1, le=1024)
    """Width of the trained matrices. Higher can learn more and takes more memory."""
    lora_alpha: int = setting(32, "Alpha", ge=1, le=4096)
    """Strength of the adapter: its output is scaled by alpha / rank."""
    lora_dropout: float = setting(0.0, "Dropout", ge=0, lt=1)
    """Share of adapter inputs zeroed during training; helps a little against over-fitting small data."""
    target_modules: Literal["all-linear", "attention", "mlp"] = setting("all-linear", "Layers to adapt")
    """`all-linear` adapts every projection; `attention` only the query, key, value and output ones; `mlp` only the
    feed-forward ones."""
    use_rslora: bool = setting(False, "Rank-stabilised scaling (rsLoRA)")
    """Scale by alpha / √rank: for ranks of 64 and more."""
    use_dora: bool = setting(False, "Weight-decomposed (DoRA)")
    """Train direction and magnitude separately. Slower; chat can't batch such adapters together."""
    init_lora_weights: Literal["default", "gaussian", "eva", "olora", "pissa"] = setting("default", "Initialisation")
    """Initial values of A and B. With `default`, B is zero, so training starts at the base model; with `eva` too, and A
    holds the main directions of what your rows send into each layer. `olora` and `pissa` start from the main directions
    of the weights; the published adapter has twice the rank."""


def _advised(facts: BaseFacts) -> Mapping[str, Any]:
    return {"learning_rate": 2e-3 if facts.is_small else 2e-4}


def _targets(params: LoraParams, facts: BaseFacts) -> list[Projection]:
    """The base's projections that the settings adapt."""
    group = params.target_modules
    return [p for p in facts.projections if group == "all-linear" or layers.in_group(p.place, group)]


def _trainable(params: LoraParams, facts: BaseFacts) -> int:
    if not facts.projections:  # facts from before these were read
        attention, mlp = 8 * facts.hidden_size, 3 * (facts.hidden_size + facts.intermediate_size)
        return facts.n_layers * (attention + (mlp if params.target_modules == "all-linear" else 0)) * params.r
    return params.r * sum(target.count * sum(target.shape) for target in _targets(params, facts))


def _moves_base(settings: Settings) -> bool:
    return settings.get("init_lora_weights", True) not in LEAVES_BASE_ALONE


def _mixes(settings: Settings) -> bool:
    return not settings.get("use_dora")


def _problems(params: LoraParams, quantization: Quantization, facts: BaseFacts | None) -> list[Problem]:
    found = []
    if facts and params.r > facts.hidden_size:
        message = f"rank {params.r} is larger than the base model's width of {facts.hidden_size}; use at most that."
        found.append(Problem(message, field="r"))
    if facts and facts.projections:
        found += _layer_problems(params, facts)
    start, moves = params.init_lora_weights, _moves_base(params.model_dump())
    # these initialisations take a part out of the base's weights, which must be restored exactly at the end
    if moves and quantization != "none":
        found.append(
            Problem(
                f"“{start}” can't start from quantized weights.",
                field="init_lora_weights",
                remedy="Use the initialisation “default”, or no quantization.",
            )
        )
    if moves and params.use_dora:
        found.append(
            Problem(
                f"“{start}” does not work with DoRA.",
                field="init_lora_weights",
                remedy="Use the initialisation “default”, or switch use_dora off.",
            )
        )
    if start == "eva" and params.use_dora:
        message, remedy = "“eva” does not work with DoRA.", "Use the initialisation “default”, or switch use_dora off."
        found.append(Problem(message, field="init_lora_weights", remedy=remedy))
    if params.use_dora and quantization == "int8":
        found.append(
            Problem(
                "DoRA does not work on an int8 base.",
                field="use_dora",
                remedy="Use quantization nf4 or none, or switch use_dora off.",
            )
        )
    return found


def _layer_problems(params: LoraParams, facts: BaseFacts) -> list[Problem]:
    """Why the layers that the base has can't be adapted like this."""
    group, targets = params.target_modules, _targets(params, facts)
    if not targets:
        message = f"the base model has no {group} layers that LoRA can adapt."
        remedy = f"Use all-linear; its layers are called {layers.names(facts.projections)}."
        return [Problem(message, field="target_modules", remedy=remedy)]
    if not any(layers.EXPERTS in target.place.split(".") for target in targets):
        return []
    # PEFT adapts experts as one parameter: together with other layers, without dropout and without DoRA
    refused = [name for name in ("lora_dropout", "use_dora") if getattr(params, name)]
    refused += ["init_lora_weights"] if params.init_lora_weights == "eva" else []
    refused += ["target_modules"] if group == "mlp" else []
    remedy = "Set target_modules to attention, or leave this setting at its default."
    return [Problem("does not work on a mixture of experts.", field=name, remedy=remedy) for name in refused]


SPEC = Method(
    title="LoRA",
    summary="Trains two thin matrices beside each frozen layer; the result is a small adapter file.",
    params=LoraParams,
    trains="adapter",
    place=1,
    changes={"attention": "beside", "mlp": "beside"},
    peft_type="LORA",
    quantizations=("none", "int8", "nf4"),
    mergeable=True,
    mixes=_mixes,
    moves_base=_moves_base,
    exports_as_lora=True,
    advised=_advised,
    problems=_problems,
    trainable_parameters=_trainable,
)
