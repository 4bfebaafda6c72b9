"""Who sees what, and why something is not visible."""
