"""A judge's choices between two models' answers: when they count, what they add up to, and how far votes bear them out."""
