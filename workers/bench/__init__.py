"""The rivals of `studio bench`, each a program of its own: `python -m workers.bench.training WHO ORDER`."""
