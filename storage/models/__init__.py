"""Every table. Times (`…_at`) are seconds since 1970 (UTC) by the database's clock."""

from storage.models.columns import new_id
from storage.models.owned import Artifact, BaseModelRow, Credential, Dataset, Upload, User
from storage.models.states import TERMINAL, JobState, Stage
from storage.models.votes import DatasetVote, Vote
from storage.models.work import HeldOutOpening, Job, JobAttempt, JobEvent, JobInput, JobMetric, Worker

__all__ = [
    "TERMINAL",
    "Artifact",
    "BaseModelRow",
    "Credential",
    "Dataset",
    "DatasetVote",
    "HeldOutOpening",
    "Job",
    "JobAttempt",
    "JobEvent",
    "JobInput",
    "JobMetric",
    "JobState",
    "Stage",
    "Upload",
    "User",
    "Vote",
    "Worker",
    "new_id",
]
