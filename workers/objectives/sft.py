"""Supervised fine-tuning: next-token loss on the answers' tokens."""

from workers.courses import next_token as course

__all__ = ["course"]
