"""The sets of sample data, one file each, and the hand-written parts that some are composed of."""
