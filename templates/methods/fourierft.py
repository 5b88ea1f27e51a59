"""FourierFT: a few waves instead of a matrix.

**What it does.** Draws some frequencies at random, learns a coefficient for each, and adds the inverse Fourier
transform of this sparse spectrum to the weights.

**When to use it.** When the file must be tiny and every layer should change a little. **When not:** when time counts:
the whole matrix is transformed in every step.

**Cost.** `n_frequency` numbers per layer, whatever its size.

**Source.** Gao et al. 2024, arXiv 2405.03003.
"""

from templates.adapted_layers import BOTH, AdaptedLayers, at_most_weights, counted, rates
from templates.spec import Method, setting


class FourierftParams(AdaptedLayers):
    """Arguments of `peft.FourierFTConfig`, under the same names."""

    n_frequency: int = setting(1000, "Frequencies", shown=True, ge=1, le=10_000_000)
    """Of each layer; at most as many as it has weights."""
    scaling: float = setting(150.0, "Scaling", gt=0, le=100_000)
    """Strength of the adapter."""
    random_loc_seed: int = setting(777, "Seed of the frequencies", ge=0, le=2**32 - 1)
    """Which frequencies are drawn."""
    init_weights: bool = setting(True, "Start at the base")
    """Begin with coefficients of zero; otherwise with random ones, as in the paper."""


SPEC = Method(
    title="FourierFT",
    summary="Learns a few coefficients of a random spectrum for each layer.",
    params=FourierftParams,
    trains="adapter",
    is_expert=True,
    changes=BOTH,
    peft_type="FOURIERFT",
    quantizations=("none", "int8", "nf4"),
    advised=rates(3e-1, 3e-2),
    trainable_parameters=counted(lambda params, _outputs, _inputs: params.n_frequency),
    problems=at_most_weights("n_frequency"),
)
