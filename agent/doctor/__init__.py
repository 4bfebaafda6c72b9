"""`pointeuse agent doctor`: what is wrong with a terminal, and what to do about it."""
