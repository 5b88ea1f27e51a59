"""RoAd: turns and stretches pairs of outputs.

**What it does.** Takes the outputs of a layer in pairs, and rotates and stretches each pair by an angle and a factor of
its own. That costs next to nothing, and rows with different results can share a batch in PEFT.

**When to use it.** When many results are served together, each for few rows. **When not:** when you need LoRA's
quality.

**Cost.** One number for each output of a layer (`road_1`).

**Source.** Liao and Monz 2024, arXiv 2409.00119.
"""

from typing import Literal

from templates.adapted_layers import AdaptedLayers, counted, divides, rates
from templates.spec import Method, setting


class RoadParams(AdaptedLayers):
    """Arguments of `peft.RoadConfig`, under the same names."""

    variant: Literal["road_1", "road_2", "road_4"] = setting("road_1", "Variant", shown=True)
    """Numbers per output: one, two or four."""
    group_size: int = setting(64, "Outputs in a group", ge=2, le=4096)
    """Each output is paired with the one half a group away; it must divide the outputs of every adapted layer."""


SPEC = Method(
    title="RoAd",
    summary="Rotates and stretches the outputs of each layer in pairs.",
    params=RoadParams,
    trains="adapter",
    is_expert=True,
    changes={"attention": "rotated", "mlp": "rotated"},
    peft_type="ROAD",
    quantizations=("none", "int8", "nf4"),
    advised=rates(2e-2, 5e-3),
    trainable_parameters=counted(lambda params, outputs, _inputs: int(params.variant[-1]) * outputs),
    problems=divides("group_size", "outputs"),
)
