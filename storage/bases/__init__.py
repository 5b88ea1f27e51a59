"""The base models that can be adapted."""
