"""What jobs published, and the suites it is scored on."""
