"""The chat server: base models and adapters behind an OpenAI-compatible API."""
