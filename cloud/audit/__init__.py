"""The trail: who changed or looked at what, when, and from where."""
