"""Numbered snapshots of a company's registrations, to be taken away as CSV or XLSX."""
