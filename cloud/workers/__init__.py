"""Workers, and the badges they present."""
