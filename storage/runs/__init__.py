"""Finished and running trainings side by side: their settings, their outcomes by row, their differences."""
