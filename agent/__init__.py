"""What runs on the terminal: readers -> gate -> journal -> uplink."""
