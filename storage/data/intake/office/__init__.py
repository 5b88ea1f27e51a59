"""Office documents: zips of XML parts, opened with care and read as streams."""
