"""Suites: frozen questions with known answers, and the marking of answers."""
