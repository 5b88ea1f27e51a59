"""The roles in which a job uses models and datasets."""

from enum import StrEnum


class Role(StrEnum):
    """Base models, datasets or artifacts fill a job's roles; some roles take several."""

    BASE = "base"
    TEACHER = "teacher"
    REFERENCE = "reference"
    REWARD = "reward"
    MODEL = "model"
    """A model that answers: in an evaluation, which scores it, or in a generation job."""
    TRAINING = "training"
    HELD_OUT = "held_out"
    REPLAY = "replay"
    PROMPTS = "prompts"
