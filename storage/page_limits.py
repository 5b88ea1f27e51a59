"""How many rows one page of a list has: as a rule, and at most."""

LIMIT = 100
MOST = 1000
