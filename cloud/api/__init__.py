"""The read API: `/v1/...`, JSON, described by OpenAPI 3.1."""
