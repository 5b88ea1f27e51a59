"""What a child runs for a kind of job: a file here is a kind, and registers by existing."""
