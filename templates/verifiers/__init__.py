"""Checks that reward answers, one file each: see `templates/verifier.py`."""
