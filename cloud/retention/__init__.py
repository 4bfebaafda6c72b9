"""How long personal data is kept, and how it goes: by its age, or because somebody asked.

A *presence* is a registration, as the law on presences calls it.
"""
