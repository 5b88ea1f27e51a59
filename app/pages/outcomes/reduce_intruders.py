"""The verdict of an intruder reduction, and the ways onward from what it published."""

from app.pages.outcomes.train import block

__all__ = ["block"]
