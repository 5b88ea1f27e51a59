"""The health report of a dataset: what in its rows would harm a training, or make its score untrue.

A file of `checks/` is a check and registers by existing; `report.py` runs them all and says what they
come to. Nothing here changes a row.
"""
