"""Mail, links that prove an address, and requests for access to a company."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
)

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

Id = BigInteger().with_variant(Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "mails",
        Column("id", Id, primary_key=True),
        Column("address", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("body", Text, comment="NULL once it is over: whoever reads a link in it gets in"),
        Column("created_ms", BigInteger, nullable=False),
        Column("due_ms", BigInteger, nullable=False),
        Column("tries", Integer, nullable=False, server_default="0"),
        Column("sent_ms", BigInteger),
        Column("failed_ms", BigInteger, comment="given up"),
    )
    op.create_index("ix_mails_due_ms", "mails", ["due_ms"])
    op.create_table(
        "links",
        Column("id", Id, primary_key=True),
        Column("purpose", Text, nullable=False),
        Column("email", Text, nullable=False, comment="normalised"),
        Column("token_hash", LargeBinary, nullable=False, unique=True, comment="SHA-256"),
        Column("detail", Text, nullable=False, comment="JSON"),
        Column("created_ms", BigInteger, nullable=False),
        Column("expires_ms", BigInteger, nullable=False),
        Column("used_ms", BigInteger),
        UniqueConstraint("purpose", "email"),
        CheckConstraint("purpose IN ('register', 'reset')", name="purpose"),
    )
    op.create_table(
        "access_requests",
        Column("id", Id, primary_key=True),
        Column("company_id", Id, ForeignKey("companies.id"), nullable=False),
        Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
        Column("created_ms", BigInteger, nullable=False),
        Column("decided_ms", BigInteger),
        Column("granted", Boolean),
    )
    op.create_index("ix_access_requests_company_id", "access_requests", ["company_id"])


def downgrade() -> None:
    for table in ("access_requests", "links", "mails"):
        op.drop_table(table)
