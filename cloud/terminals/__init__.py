"""Terminals, and where each one stood when."""
