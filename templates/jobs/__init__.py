"""What people see of each kind of job, one file per kind."""
