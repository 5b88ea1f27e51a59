"""The checks of the health report, one file each."""
