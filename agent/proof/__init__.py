"""What a terminal holds, written down for others, and checked by them."""
