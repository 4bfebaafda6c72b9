"""Backups of the database, with the keys apart; and restoring them."""
