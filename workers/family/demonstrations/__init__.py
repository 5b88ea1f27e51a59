"""What the bundled family can show: one file each, run by `python -m workers.family.demonstrate`."""
