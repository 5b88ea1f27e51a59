"""A judge's choices between two models' answers: when they count, and how far votes bear them out."""
