"""What jobs publish as files, one file a kind."""
