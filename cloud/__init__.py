"""The platform: custody of records, what they mean, and who may see it."""
