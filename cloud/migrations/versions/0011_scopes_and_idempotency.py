"""What tokens of the API are for, and what was answered to requests that carry a key."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
)

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

Id = BigInteger().with_variant(Integer(), "sqlite")
# Tokens that exist keep what they can do.
_BEFORE = "companies:read custody:read registrations:read terminals:read"


def upgrade() -> None:
    op.add_column("api_tokens", Column("scopes", Text, nullable=False, server_default=_BEFORE))
    op.create_table(
        "idempotency_keys",
        Column("token_id", Id, ForeignKey("api_tokens.id"), nullable=False),
        Column("key", Text, nullable=False),
        Column("request", LargeBinary, nullable=False, comment="SHA-256"),
        Column("status", Integer, nullable=False),
        Column("answer", Text, nullable=False, comment="JSON"),
        Column("headers", Text, nullable=False, comment="JSON"),
        Column("at_ms", BigInteger, nullable=False),
        PrimaryKeyConstraint("token_id", "key"),
        Index("ix_idempotency_keys_at_ms", "at_ms"),
    )


def downgrade() -> None:
    op.drop_table("idempotency_keys")
    op.drop_column("api_tokens", "scopes")
