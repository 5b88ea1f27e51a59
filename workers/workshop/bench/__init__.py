"""Shows what every kind of adaptation does to the bundled models, before and after."""
