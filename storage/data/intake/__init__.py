"""Turns an uploaded file into rows of a known shape: look, guess, shape. Stores nothing."""

from storage.data.intake.choices import columns_of, joined, normal
from storage.data.intake.findings import Findings, Remark, refusal
from storage.data.intake.guessing import KINDS, Guess, guess
from storage.data.intake.looking import MIN_ROWS, Look, look
from storage.data.intake.questions import questions
from storage.data.intake.shaping import check_mapping, note_unread, remark_unused, shaped, shaped_columns
from storage.data.intake.tally import Column

__all__ = [
    "KINDS",
    "MIN_ROWS",
    "Column",
    "Findings",
    "Guess",
    "Look",
    "Remark",
    "check_mapping",
    "columns_of",
    "guess",
    "joined",
    "look",
    "normal",
    "note_unread",
    "questions",
    "refusal",
    "remark_unused",
    "shaped",
    "shaped_columns",
]
