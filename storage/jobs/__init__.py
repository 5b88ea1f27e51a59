"""Jobs, from submission to their end."""
