"""Tokens that a tokenizer has but its model can't read, such as Gemma 3's for images, just beyond the embedding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from templates.errors import BadInput, Problem

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class UnreadableTokens:
    """The added tokens of `tokenizer` with ids beyond an embedding of `vocab_size` rows."""

    def __init__(self, tokenizer: Tokenizer, vocab_size: Any):
        added = tokenizer.get_added_tokens_decoder() if isinstance(vocab_size, int) else {}
        self._texts = {i: token.content for i, token in added.items() if i >= vocab_size}

    def refuse(self, ids: Sequence[int]) -> None:
        """Raise `BadInput` naming the first such token among `ids`."""
        spelt = next((self._texts[i] for i in ids if i in self._texts), None) if self._texts else None
        if spelt is not None:
            raise BadInput(
                Problem(
                    f"the text contains “{spelt}”, a token that the tokenizer has but the base model can't read.",
                    remedy=f"Remove “{spelt}” from the text, or choose another base model.",
                )
            )
