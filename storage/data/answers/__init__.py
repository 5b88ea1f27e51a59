"""Answers that a teacher gave to prompts: which become rows, which are dropped and why, and what people change."""
