"""Continued pretraining: next-token loss on every token."""

from workers.training.setups import next_token as set_up

__all__ = ["set_up"]
