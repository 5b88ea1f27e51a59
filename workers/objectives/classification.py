"""Classification learns as supervised fine-tuning does; only the scoring differs (`workers/classification`)."""

from workers.training.setups import next_token as set_up

__all__ = ["set_up"]
