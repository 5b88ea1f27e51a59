"""The programs that a child runs: one file per kind of job, registered by existing."""
