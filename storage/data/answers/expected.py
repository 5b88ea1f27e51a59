"""Compares an answer with the one that is expected."""

from templates.compared_texts import contains, last_number, plain

__all__ = ["NOTHING_TO_COMPARE", "contains", "last_number", "plain"]

NOTHING_TO_COMPARE = "The row came without an answer to compare with."
