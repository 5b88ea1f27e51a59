"""How well a score tells good answers from bad ones that are not paired: the area under the ROC curve.

It is the share of all couples of a good and a bad answer in which the good one scores higher. Each answer's value is
such that their mean is that share, and its spread that of the share (DeLong et al. 1988); so values can be resampled
like any others.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from storage.runs.bootstrap import Floats


def values(scores: Floats, good: npt.NDArray[np.bool_]) -> Floats:
    """The value of each answer, `(n_answers,)`; not a number without answers of both kinds."""
    n, n_good, n_bad = len(scores), int(good.sum()), int((~good).sum())
    if not (n_good and n_bad):
        return np.full(n, np.nan)
    ahead = np.sign(scores[good][:, None] - scores[~good][None, :]) / 2 + 0.5
    area = ahead.mean()
    found = np.full(n, area)
    found[good] += (ahead.mean(1) - area) * n / n_good
    found[~good] += (ahead.mean(0) - area) * n / n_bad
    return found
