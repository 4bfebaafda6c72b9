"""Mail that waits in the database until a server takes it."""
