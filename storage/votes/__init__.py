"""Blind comparisons: questions to two models, votes on their answers, tallies, and preference data made of votes."""
