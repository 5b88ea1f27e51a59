"""Renders rows as the token ids that a model sees."""
