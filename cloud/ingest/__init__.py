"""Custody: what terminals send is verified, kept as it came, and receipted after the commit."""
