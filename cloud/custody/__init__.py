"""Raw records as terminals signed them, before they mean anything."""
