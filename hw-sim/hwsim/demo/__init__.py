"""The demonstration: a small world, a crowd of workers, and what must come of it."""
