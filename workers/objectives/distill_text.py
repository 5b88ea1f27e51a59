"""Distillation from answers that a teacher writes: see `workers/distillation/written_answers.py`."""

from workers.distillation.written_answers import with_rows
from workers.training.setups import next_token as set_up

__all__ = ["set_up", "with_rows"]
