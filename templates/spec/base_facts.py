"""What is known of a base model before it is loaded."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

SMALL_BASE = 100_000_000
"""Parameters of models too small for the learning rates that suit usual ones."""


class BaseFacts(BaseModel):
    """What is known of a base model without loading it: read from its config and tensor headers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    architecture: str
    n_parameters: int
    """Distinct parameters; tied embeddings are counted once."""
    n_linear_parameters: int
    """Parameters in 2-D projection weights, embeddings and output head left out."""
    hidden_size: int
    intermediate_size: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    vocab_size: int
    context_length: int
    """Positions the model was made for, in tokens."""
    weights_bytes: int
    stored_dtype: str
    linear_modules: tuple[str, ...] = ()
    """Last name parts of the projection layers, e.g. `q_proj`; `lm_head` is left out."""

    @property
    def is_small(self) -> bool:
        """Whether it learns at rates several times those of usual models."""
        return self.n_parameters < SMALL_BASE
