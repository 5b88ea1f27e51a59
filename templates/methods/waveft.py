"""WaveFT: a few wavelets instead of a matrix.

**What it does.** As FourierFT, but the learned coefficients belong to wavelets, which change a place of the matrix
rather than all of it.

**When to use it.** To compare with FourierFT. **When not:** when time counts: the whole matrix is transformed in
every step.

**Cost.** `n_frequency` numbers per layer, whatever its size.

**Source.** Bilican et al. 2025, arXiv 2505.12532.
"""

from templates.adapted_layers import BOTH, AdaptedLayers, at_most_weights, counted, rates
from templates.spec import Method, setting


class WaveftParams(AdaptedLayers):
    """Arguments of `peft.WaveFTConfig`, under the same names."""

    n_frequency: int = setting(2592, "Coefficients", shown=True, ge=1, le=10_000_000)
    """Of each layer; at most as many as it has weights."""
    scaling: float = setting(25.0, "Scaling", gt=0, le=100_000)
    """Strength of the adapter."""
    random_loc_seed: int = setting(777, "Seed of the places", ge=0, le=2**32 - 1)
    """Which coefficients are trained."""


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
    problems=at_most_weights("n_frequency"),
)
