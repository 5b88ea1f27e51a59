"""Learning from a teacher's probabilities: what is kept of them, where, and how far a student is from them."""
