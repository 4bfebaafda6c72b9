"""The readers of the panel's terminal: badges are held to them, and they are pulled out."""
