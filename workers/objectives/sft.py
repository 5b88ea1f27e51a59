"""Supervised fine-tuning: next-token loss on the answers' tokens."""

from workers.training.setups import next_token as set_up

__all__ = ["set_up"]
