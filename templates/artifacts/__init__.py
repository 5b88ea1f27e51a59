"""The kinds of files that jobs publish, one module each."""
