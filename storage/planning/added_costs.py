"""An estimate with further costs: its totals, its range and whether it fits follow from the parts."""

from __future__ import annotations

from collections.abc import Mapping

from storage.planning.estimates import ROOM, Estimate


def with_costs(
    estimate: Estimate, seconds_by_stage: Mapping[str, float], memory_by_part: Mapping[str, int], disk_bytes: int
) -> Estimate:
    """The estimate with these parts in place of its own; the range keeps its proportions."""
    needed = sum(memory_by_part.values())
    longer = sum(seconds_by_stage.values()) / sum(estimate.seconds_by_stage.values())
    return estimate.model_copy(
        update={
            "seconds": longer * estimate.seconds,
            "seconds_low": longer * estimate.seconds_low,
            "seconds_high": longer * estimate.seconds_high,
            "seconds_by_stage": dict(seconds_by_stage),
            "memory_bytes": needed,
            "memory_by_part": dict(memory_by_part),
            "disk_bytes": disk_bytes,
            "fits": needed <= ROOM * estimate.memory_free_bytes and disk_bytes <= ROOM * estimate.disk_free_bytes,
        }
    )
