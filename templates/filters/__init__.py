"""Settings of the filters of a teacher's answers: one file each, with the name of its filter."""
