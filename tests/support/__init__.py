"""What tests of several packages need; nothing here is a test."""
