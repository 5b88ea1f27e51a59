"""Answers that are always one of a set of labels: their probabilities, and what a verdict says of them."""
