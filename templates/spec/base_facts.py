"""Facts about a base model before it is loaded."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from templates.layers import Projection

SMALL_BASE = 100_000_000
"""Models with fewer parameters are too small for the usual learning rates."""
WIDE_FROM = 512
"""Hidden size from which a processor's 16-bit instructions may pay; narrower models spend their time elsewhere."""


class BaseFacts(BaseModel):
    """Facts about a base model, read from its config and tensor headers without loading it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    architecture: str
    n_parameters: int
    """Distinct parameters; tied embeddings count once."""
    n_linear_parameters: int
    """Parameters in 2-D projection weights, without embeddings and output head."""
    hidden_size: int
    intermediate_size: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    vocab_size: int
    context_length: int
    """The model's context window, in tokens."""
    context_assumed: bool = False
    """Whether the model's files state no context length."""
    removed_prefix: str = ""
    """The prefix that was removed from the tensors' names when the model was added; empty for none."""
    made_from: str = ""
    """The quantization that the weights were dequantized from, such as `Q4_1`; empty for a model's own weights."""
    languages: tuple[str, ...] = ()
    """ISO 639 codes of its main languages, as its card or the catalogue states them."""
    greeting: str | None = None
    """Its greedy answer to a greeting when it was added; None if it was not tried."""
    loss_on_english: float | None = None
    """Nats per token on a paragraph of plain English when it was added; None if it was not tried."""
    other_losses: tuple[tuple[str, float], ...] = ()
    """The same in its other languages: code and nats per token; only those for which the studio has a paragraph."""
    keeps_text: bool | None = None
    """Whether its tokenizer gave that paragraph back unchanged; None if it was not tried."""
    weights_bytes: int
    stored_dtype: str
    linear_modules: tuple[str, ...] = ()
    """Last name parts of the projection layers, e.g. `q_proj`; without `lm_head`."""
    projections: tuple[Projection, ...] = ()
    """The projection layers with their shapes; without `lm_head`."""

    @property
    def is_small(self) -> bool:
        """Whether it needs learning rates several times the usual ones."""
        return self.n_parameters < SMALL_BASE

    @property
    def is_wide(self) -> bool:
        """Whether a processor may compute it in 16 bits."""
        return self.hidden_size >= WIDE_FROM
