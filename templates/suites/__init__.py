"""The suites: one file each. A suite's file name is its name for `--suite`; its docstring is its help page."""
