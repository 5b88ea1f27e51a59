"""How far a student's next-token distributions are from a teacher's.

The sources are in `templates/objectives/distill_logits.py`. The logarithms of the student's probabilities are computed
once for the whole vocabulary; of a sparse teacher, only those of the teacher's tokens go on from there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from templates.objectives.distill_logits import DistillLogitsParams

LEAST_TAIL = 1e-7
"""Probability that is left for all tokens that are not listed, at least."""


class Mixing(Protocol):
    """How a divergence mixes the two distributions; the names are those of `DistillLogitsParams`."""

    @property
    def beta(self) -> float:
        """For `jsd`."""

    @property
    def alpha(self) -> float:
        """For the skew ones."""


@dataclass(frozen=True)
class Targets:
    """The teacher's distributions at `n` places, in one of three forms.

    Sampled: `ids` and `weights` `(n, m)`, which sum to 1 in each row, and the `entropy` `(n,)`. Listed: `ids` `(n, k)`
    and `log_p` `(n, k + 1)`, the last for all other tokens together. Full: `log_p` `(n, vocabulary)`.
    """

    ids: Tensor | None = None
    weights: Tensor | None = None
    entropy: Tensor | None = None
    log_p: Tensor | None = None

    def as_inputs(self) -> dict[str, Tensor]:
        """The tensors by name, for a batch."""
        return {f"{PREFIX}{name}": value for name, value in vars(self).items() if value is not None}

    def to(self, device: torch.device) -> Targets:
        """The same on this device."""
        return Targets(**{name: value if value is None else value.to(device) for name, value in vars(self).items()})

    @classmethod
    def taken_from(cls, inputs: dict[str, Any]) -> Targets:
        """The targets of a batch, which are removed from it."""
        return cls(**{name.removeprefix(PREFIX): inputs.pop(name) for name in list(inputs) if name.startswith(PREFIX)})


PREFIX = "teacher_"


class _LogProbabilitiesAt(torch.autograd.Function):
    """`log_softmax(logits)` at some ids, without a dense gradient of the logarithms."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, ids: Tensor) -> Tensor:
        ctx.log_q = logits.log_softmax(-1)
        ctx.save_for_backward(ids)
        found: Tensor = ctx.log_q.gather(-1, ids)
        return found

    @staticmethod
    @once_differentiable  # type: ignore[misc,untyped-decorator,unused-ignore]
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (ids,) = ctx.saved_tensors
        of_logits: Tensor = ctx.log_q.exp_().mul_(-gradient.sum(-1, keepdim=True))
        ctx.log_q = None
        return of_logits.scatter_add_(-1, ids, gradient), None


def log_probabilities_at(logits: Tensor, ids: Tensor) -> Tensor:
    """The logarithms of the probabilities of `ids` `(n, m)`, given `logits` `(n, vocabulary)` in 32 bits."""
    found: Tensor = _LogProbabilitiesAt.apply(logits, ids)  # type: ignore[no-untyped-call]
    return found


def losses(logits: Tensor, labels: Tensor, targets: Targets, params: DistillLogitsParams) -> Tensor:
    """The loss at each place, `(n,)`: `logits` `(n, vocabulary)` in 32 bits, `labels` `(n,)` the rows' own tokens."""
    share, temperature = params.ce_share, params.temperature
    warm = logits if temperature == 1 else logits / temperature
    if not share:
        distances, _ = _distances(warm, None, targets, params)
        return temperature**2 * distances
    own = labels[:, None]
    distances, log_own = _distances(warm, own if temperature == 1 else None, targets, params)
    if log_own is None:
        log_own = log_probabilities_at(logits, own)
    return (1 - share) * temperature**2 * distances - share * log_own[:, 0]


def distances(logits: Tensor, targets: Targets, params: DistillLogitsParams) -> Tensor:
    """The divergence at each place, `(n,)`, at the temperature, without the rows' own answers."""
    return _distances(logits / params.temperature, None, targets, params)[0]


def _distances(
    logits: Tensor, own: Tensor | None, targets: Targets, params: DistillLogitsParams
) -> tuple[Tensor, Tensor | None]:
    """The divergences, and the logarithms of the probabilities of the tokens `own` `(n, 1)`, if they are given."""
    if targets.ids is None:
        assert targets.log_p is not None
        log_q = logits.log_softmax(-1)
        found = BETWEEN[params.divergence](targets.log_p, log_q, params)
        return found, None if own is None else log_q.gather(-1, own)
    n_listed = targets.ids.shape[-1]
    ids = targets.ids if own is None else torch.cat([targets.ids, own], -1)
    log_q = log_probabilities_at(logits, ids)
    listed, log_own = log_q[:, :n_listed], None if own is None else log_q[:, n_listed:]
    if targets.weights is not None:
        assert targets.entropy is not None
        return -(targets.weights * listed).sum(-1) - targets.entropy, log_own
    assert targets.log_p is not None
    rest = torch.log1p(-listed.exp().sum(-1, keepdim=True).clamp(max=1 - LEAST_TAIL))
    return BETWEEN[params.divergence](targets.log_p, torch.cat([listed, rest], -1), params), log_own


def _kl(log_one: Tensor, log_other: Tensor) -> Tensor:
    return (log_one.exp() * (log_one - log_other)).sum(-1)


def _mixed(log_one: Tensor, log_other: Tensor, share: float) -> Tensor:
    """The logarithm of `share` of the one and the rest of the other."""
    return torch.logaddexp(log_one + math.log(share), log_other + math.log1p(-share))


def _jsd(log_p: Tensor, log_q: Tensor, params: Mixing) -> Tensor:
    mixture = _mixed(log_p, log_q, params.beta)
    return params.beta * _kl(log_p, mixture) + (1 - params.beta) * _kl(log_q, mixture)


BETWEEN: dict[str, Callable[[Tensor, Tensor, Mixing], Tensor]] = {
    "forward_kl": lambda log_p, log_q, _params: _kl(log_p, log_q),
    "reverse_kl": lambda log_p, log_q, _params: _kl(log_q, log_p),
    "jsd": _jsd,
    "skew_forward": lambda log_p, log_q, params: _kl(log_p, _mixed(log_p, log_q, params.alpha)),
    "skew_reverse": lambda log_p, log_q, params: _kl(log_q, _mixed(log_q, log_p, params.alpha)),
}
"""By name: from the logarithms of the teacher's and of the student's probabilities, `(n, tokens)`, to `(n,)`."""
