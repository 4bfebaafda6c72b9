"""What was answered to requests that carry an `Idempotency-Key`, for a day."""

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from cloud.metadata import Millis, metadata

SEALED = "sealed:"
"""Before an answer that holds a secret; JSON never begins so."""
KEPT_MS = 86_400_000
"""How long an answer is given again."""

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("token_id", ForeignKey("api_tokens.id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("request", LargeBinary, nullable=False, comment="SHA-256"),
    Column("status", Integer, nullable=False),
    Column("answer", Text, nullable=False, comment="JSON"),
    Column("headers", Text, nullable=False, comment="JSON"),
    Column("at_ms", Millis, nullable=False),
    PrimaryKeyConstraint("token_id", "key"),
    Index("ix_idempotency_keys_at_ms", "at_ms"),
)
