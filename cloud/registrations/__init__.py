"""Taps as the platform knows them: attributed and dated."""
