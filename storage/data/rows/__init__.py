"""Rows as they are compared, measured and checked: what is alike, how long they are, which words they hold."""
