"""One filter in each file; its docstring is its help page."""
