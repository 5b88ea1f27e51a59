"""Trainable tokens: new vectors for the tokens that your data uses most.

**What it does.** Trains the embedding vectors of the tokens that occur most often in your training rows. All other
vectors and all layers stay as they are. If the output head shares its weights with the embeddings, these tokens'
outputs change too.

**When to use it.** When a base hardly knows your domain's words, or has never seen a chat template's marks. **When
not:** to learn a task: the layers don't change. Answers with other words than the trained ones hardly change.

**Cost.** One vector of the model's width for each token.

**Source.** PEFT's `TrainableTokensConfig`; the idea is that of new rows of an embedding in Hewitt 2021, *Initializing
new word embeddings for pretrained language models*.
"""

from templates.adapted_layers import rates
from templates.errors import Problem
from templates.spec import BaseFacts, Method, Params, Quantization, setting


class TrainableTokensParams(Params):
    """How many tokens are trained; which ones, your rows decide."""

    n_tokens: int = setting(256, "Tokens", shown=True, ge=1, le=100_000)
    """The most frequent ones of the training rows. If the rows have fewer, all of theirs."""


def _trained(params: TrainableTokensParams, facts: BaseFacts) -> int:
    return min(params.n_tokens, facts.vocab_size) * facts.hidden_size


def _problems(params: TrainableTokensParams, _quantization: Quantization, facts: BaseFacts | None) -> list[Problem]:
    if facts is None or params.n_tokens <= facts.vocab_size:
        return []
    what = f"the base has only {facts.vocab_size:,} tokens."
    return [Problem(what, field="n_tokens", remedy=f"Use at most {facts.vocab_size:,}.")]


SPEC = Method(
    title="Trainable tokens",
    summary="Trains the vectors of the tokens that your rows use most, and no layer.",
    params=TrainableTokensParams,
    trains="adapter",
    place=13,
    changes={"embeddings": "trained"},
    peft_type="TRAINABLE_TOKENS",
    quantizations=("none", "int8", "nf4"),
    advised=rates(1e-2, 1e-3),
    allows_reference=False,
    allows_new_head=False,
    trainable_parameters=_trained,
    problems=_problems,
)
