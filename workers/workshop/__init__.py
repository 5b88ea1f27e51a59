"""Where the bundled models and the sample data are made; nothing that the studio runs for its users."""
