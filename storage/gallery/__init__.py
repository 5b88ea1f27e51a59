"""The results of jobs, and the suites that score them."""
