"""Continued pretraining: next-token loss on every token."""

from workers.courses import next_token as course

__all__ = ["course"]
