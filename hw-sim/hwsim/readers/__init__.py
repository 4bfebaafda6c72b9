"""Simulated readers beyond those that only send: asked ones, and OSDP."""
