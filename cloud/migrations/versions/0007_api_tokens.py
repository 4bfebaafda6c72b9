"""Tokens of the API, and accounts of those who run the platform."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, LargeBinary, Text, false

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

Id = BigInteger().with_variant(Integer(), "sqlite")


def upgrade() -> None:
    op.add_column(
        "accounts",
        Column(
            "operator", Boolean, nullable=False, server_default=false(), comment="runs the platform"
        ),
    )
    op.create_table(
        "api_tokens",
        Column("id", Id, primary_key=True),
        Column("name", Text, nullable=False),
        Column("token_hash", LargeBinary, nullable=False, unique=True, comment="SHA-256"),
        Column(
            "company_id", Id, ForeignKey("companies.id"), comment="NULL: the operator's, sees all"
        ),
        Column("whole_badges", Boolean, nullable=False, comment="may read badge numbers whole"),
        Column("created_ms", BigInteger, nullable=False),
        Column("revoked_ms", BigInteger),
    )


def downgrade() -> None:
    op.drop_table("api_tokens")
    op.drop_column("accounts", "operator")
