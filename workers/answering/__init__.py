"""A teacher answers prompts: a model of the studio, or a service at an address; what becomes of the answers."""
