"""The smallest difference that a verdict could detect, from the number of held-out rows.

If base and result answer the same rows and a share d of the rows is right in one and wrong in the other, the
difference between the two accuracies has a standard error of about √(d / n). It is detected in four of five
trials (80 % power at a 95 % interval) if it is at least 2.8 standard errors (Connor 1987, “Sample size for
testing differences in proportions for the paired-sample design”; Card et al. 2020, arXiv 2010.06595, who
find that many model comparisons have less power). Before training, d is unknown; a quarter is assumed, as is
usual for a result that resembles its base. A larger d needs more rows, but comes with a larger difference.
Groups of nearly equal rows count once.
"""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict

ASSUMED_DISCORDANCE = 0.25
"""The assumed share of rows that one of the two models answers right and the other one wrong."""
Z_95, Z_POWER = 1.96, 0.84
FEWEST_GROUPS = 10
"""With fewer, intervals mean little, so a verdict is always "can't tell"."""


class Detectable(BaseModel):
    """What the held-out rows of a job could show."""

    model_config = ConfigDict(frozen=True)

    n_rows: int
    """Held-out rows that both models will answer."""
    n_groups: int
    """Groups of nearly equal rows, or of one document, among them."""
    points: float | None
    """The smallest difference that is usually detected, in percentage points; None if there are too few rows."""
    assumed_discordance: float = ASSUMED_DISCORDANCE

    @property
    def sentence(self) -> str:
        """For pages and the terminal."""
        rows = "1 held-out row" if self.n_rows == 1 else f"{self.n_rows:,} held-out rows"
        rows += f" in {self.n_groups:,} groups of related rows" if self.n_groups != self.n_rows else ""
        if self.points is None:
            return (
                f"With {rows}, the verdict can only be “can’t tell”: it needs at least {FEWEST_GROUPS} different rows"
            )
        return (
            f"With {rows}, the verdict can reliably detect only differences of about {self.points:.0f} points or more"
        )


def of(n_rows: int, n_groups: int) -> Detectable:
    """The smallest difference that this many answered rows in this many groups could show."""
    points = None
    if n_groups >= FEWEST_GROUPS:
        points = round(min(100.0, 100 * (Z_95 + Z_POWER) * math.sqrt(ASSUMED_DISCORDANCE / n_groups)), 1)
    return Detectable(n_rows=n_rows, n_groups=n_groups, points=points)
