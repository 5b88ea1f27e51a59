"""From uploaded files to immutable datasets."""
