"""A terminal to play with, on a page: real programs and processes, and simulated hardware."""
