"""The last layers, with every weight in them.

**What it does.** Trains all weights of the model's last blocks, the norm after them, and the output head. The blocks
below stay as they are, and so do the embeddings: a head that shares its weights with them stays too.

**When to use it.** When full fine-tuning takes too much memory, or changes too much: the early layers keep what they
know of language, the late ones learn the task. A classic first thing to try before adapters existed. **When not:** when
you want a small file, or several results on one base in chat: the result is a whole model.

**Cost.** About 16 bytes for each trained parameter, 2 or 4 for the others. The backward pass ends at the first trained
block, so a step is faster than LoRA's on all layers.

**Source.** Howard and Ruder 2018, arXiv 1801.06146 (gradual unfreezing); Lee et al. 2019, arXiv 1911.03090, who find
that a quarter of the layers reaches nine tenths of the quality.
"""

from collections.abc import Mapping
from typing import Any

from templates.errors import Problem
from templates.spec import BaseFacts, Method, Params, Quantization, setting


class LastLayersParams(Params):
    """How much of the model's end is trained."""

    last: int = setting(2, "Trained blocks", shown=True, unit="layers", ge=1, le=1000)
    """The last ones. More learn more and forget more."""
    train_head: bool = setting(True, "Train norm and head too")
    """Also train the norm after the blocks, and the output head if it has weights of its own."""


def _advised(facts: BaseFacts) -> Mapping[str, Any]:
    return {"learning_rate": 1e-3 if facts.is_small else 2e-5}


def _trained(params: LastLayersParams, facts: BaseFacts) -> int:
    blocks = min(params.last, facts.n_layers) * facts.n_linear_parameters // facts.n_layers
    table = facts.vocab_size * facts.hidden_size
    has_own_head = facts.n_parameters - facts.n_linear_parameters > 1.5 * table
    return blocks + (table if params.train_head and has_own_head else 0)


def _problems(params: LastLayersParams, _quantization: Quantization, facts: BaseFacts | None) -> list[Problem]:
    if facts is None or params.last <= facts.n_layers:
        return []
    what = f"the base has only {facts.n_layers} layers."
    return [Problem(what, field="last", remedy=f"Use at most {facts.n_layers}; all of them is nearly the method full.")]


SPEC = Method(
    title="Last layers",
    summary="Trains all weights of the last blocks and leaves the rest; the result is a whole model.",
    params=LastLayersParams,
    trains="some_weights",
    place=3,
    changes={"attention": "trained", "mlp": "trained", "norms": "trained", "head": "trained"},
    advised=_advised,
    trainable_parameters=_trained,
    problems=_problems,
)
