"""What adapting does to the bundled models: one demonstration a file."""
