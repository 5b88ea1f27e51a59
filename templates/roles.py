"""What a job uses a model or a dataset for."""

from enum import StrEnum


class Role(StrEnum):
    """Each role of a job is filled by base models, datasets or artifacts; some by several."""

    BASE = "base"
    TEACHER = "teacher"
    REFERENCE = "reference"
    REWARD = "reward"
    MODEL = "model"
    """A model that is asked: scored by an evaluation, or answering prompts."""
    TRAINING = "training"
    HELD_OUT = "held_out"
    REPLAY = "replay"
    PROMPTS = "prompts"
