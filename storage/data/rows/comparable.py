"""Texts as a reader compares them."""

from templates.compared_texts import normalised

__all__ = ["LONGEST_LABEL", "MANY_PER_LABEL", "normalised"]

MANY_PER_LABEL = 20
"""Answers that repeat at least this often on average may be labels."""
LONGEST_LABEL = 40
