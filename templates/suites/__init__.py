"""Suites: frozen questions with known answers, and how an answer is marked."""
