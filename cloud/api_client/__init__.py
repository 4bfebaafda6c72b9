"""A client of the API for programs in Python. It imports nothing of the server."""
