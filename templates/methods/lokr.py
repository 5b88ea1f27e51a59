"""LoKr: a Kronecker product, which repeats one small matrix all over a large one.

**What it does.** Adds C ⊗ BA to each weight: a small matrix C, whose every entry scales a copy of a low-rank matrix.

**When to use it.** When the file must be much smaller than LoRA's. **When not:** on a base in 4 bits.

**Cost.** Few numbers; the whole matrix is computed in every step.

**Source.** Edalati et al. 2022, arXiv 2212.10650; Yeh et al. 2023, arXiv 2309.14859.
"""

import math

from templates.adapted_layers import BOTH, AdaptedLayers, counted, fits, rates
from templates.spec import Method, setting


class LokrParams(AdaptedLayers):
    """Arguments of `peft.LoKrConfig`, under the same names."""

    r: int = setting(8, "Rank", shown=True, ge=1, le=1024)
    """Of the second factor."""
    alpha: int = setting(8, "Alpha", ge=1, le=4096)
    """Strength of the adapter: its output is scaled by alpha / rank."""
    decompose_both: bool = setting(False, "Low rank in both factors")
    """Also write the first factor as a product of low rank."""
    rank_dropout: float = setting(0.0, "Dropout of directions", ge=0, lt=1)
    """Share of rows left out in a training step."""
    module_dropout: float = setting(0.0, "Dropout of layers", ge=0, lt=1)
    """Share of layers left out in a training step."""


def _factors(size: int) -> tuple[int, int]:
    """The two factors of a width that are nearest to each other, the smaller first."""
    small = next(n for n in range(math.isqrt(size), 0, -1) if size % n == 0)
    return small, size // small


def _trained(params: LokrParams, outputs: int, inputs: int) -> float:
    (out_small, out_large), (in_small, in_large), r = _factors(outputs), _factors(inputs), params.r
    first, second = out_small * in_small, out_large * in_large
    if params.decompose_both and r < max(out_small, in_small) / 2:
        first = r * (out_small + in_small)
    if r < max(out_large, in_large) / 2:
        second = r * (out_large + in_large)
    return first + second


SPEC = Method(
    title="LoKr",
    summary="Adds a Kronecker product of two small matrices.",
    params=LokrParams,
    trains="adapter",
    is_expert=True,
    changes=BOTH,
    peft_type="LOKR",
    quantizations=("none", "int8"),
    advised=rates(5e-3, 5e-4),
    trainable_parameters=counted(_trained),
    problems=fits,
)
