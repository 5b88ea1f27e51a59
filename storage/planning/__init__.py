"""What a job would do and take, before it is submitted."""
