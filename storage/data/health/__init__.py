"""The health report of a dataset: flaws in its rows that would harm training or distort its score.

Each file in `checks/` is a check and registers by existing; `report.py` runs them all and sums up the
results. Nothing here changes a row.
"""
