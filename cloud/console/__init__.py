"""The console: one page that shows registrations as they arrive."""
