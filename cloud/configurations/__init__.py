"""What the platform sets on its terminals, and how they learn it."""
