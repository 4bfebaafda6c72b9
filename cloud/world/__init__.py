"""Everything an operator knows, in one file: a world, entered all at once or not at all."""
