"""Two models answer, a judge compares their answers in both orders, and votes say how far to trust it."""
