"""Office documents: zips of XML parts, opened carefully and read as streams."""
