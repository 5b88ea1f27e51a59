"""Demonstrates every kind of adaptation on the bundled models, before and after."""
