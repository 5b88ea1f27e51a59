"""Makes the bundled models and the sample data. The studio runs none of it for its users."""
