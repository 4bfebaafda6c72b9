"""Meaning: from records in custody to registrations, as often as needed, never in custody's way."""
