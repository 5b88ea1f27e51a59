"""Compares, measures and checks rows: similarity, length, and words."""
