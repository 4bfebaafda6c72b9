"""The whole of Pointeuse while everything around it fails, and a count of every tap afterwards."""
