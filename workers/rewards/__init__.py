"""Training on answers that are rewarded for passing checks."""
