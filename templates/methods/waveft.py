"""WaveFT: a few wavelets instead of a matrix.

**What it does.** As FourierFT, but the learned coefficients belong to wavelets, which change a place of the matrix
rather than all of it.

**When to use it.** To compare with FourierFT. **When not:** when time counts: the whole matrix is transformed in
every step.

**Cost.** `n_frequency` numbers per layer, whatever its size.

**Source.** Bilican et al. 2025, arXiv 2505.12532.
"""

from templates.adapted_layers import BOTH, AdaptedLayers, counted, no_such_layers, rates, targets
from templates.errors import Problem
from templates.spec import BaseFacts, Method, Quantization, setting


class WaveftParams(AdaptedLayers):
    """Arguments of `peft.WaveFTConfig`, under the same names."""

    n_frequency: int = setting(2592, "Coefficients", shown=True, ge=1, le=10_000_000)
    """Of each layer; at most as many as it has weights."""
    scaling: float = setting(25.0, "Scaling", gt=0, le=100_000)
    """Strength of the adapter."""
    random_loc_seed: int = setting(777, "Seed of the places", ge=0, le=2**32 - 1)
    """Which coefficients are trained."""


def _problems(params: WaveftParams, _quantization: Quantization, facts: BaseFacts | None) -> list[Problem]:
    found = no_such_layers(params, facts)
    smallest = min((one.shape[0] * one.shape[1] for one in targets(params, facts)), default=0) if facts else 0
    if smallest and params.n_frequency > smallest:
        what = f"the smallest adapted layer has only {smallest:,} weights."
        found.append(Problem(what, field="n_frequency", remedy=f"Use at most {smallest:,}."))
    return found


SPEC = Method(
    title="WaveFT",
    summary="Learns a few wavelet coefficients for each layer.",
    params=WaveftParams,
    trains="adapter",
    is_expert=True,
    changes=BOTH,
    peft_type="WAVEFT",
    quantizations=("none", "int8", "nf4"),
    advised=rates(1e-2, 1e-3),
    trainable_parameters=counted(lambda params, _outputs, _inputs: params.n_frequency),
    problems=_problems,
)
