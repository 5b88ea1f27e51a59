"""Rows as the token ids that a model is shown."""
