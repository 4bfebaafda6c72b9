"""Telemetry."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
)

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

Id = BigInteger().with_variant(Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "telemetry",
        Column("terminal_id", Id, ForeignKey("terminals.id"), nullable=False),
        Column("at_ms", BigInteger, nullable=False, comment="when the five minutes began"),
        Column("queue", BigInteger, comment="the most in them"),
        Column("receipt_ms", BigInteger, comment="the longest in them"),
        Column("clock_ms", BigInteger, comment="the terminal's minus ours, the nearest to zero"),
        Column("clock_sync", Text),
        Column("clock_bound_ms", BigInteger),
        Column("unreadable", BigInteger, comment="since the terminal's program started"),
        Column("uptime_s", BigInteger),
        Column("readers", Text, comment="JSON: states by name"),
        Column("certificate_ms", BigInteger, comment="when it ends"),
        PrimaryKeyConstraint("terminal_id", "at_ms"),
    )
    op.create_table(
        "enrolments",
        Column("terminal_id", Id, ForeignKey("terminals.id"), primary_key=True),
        Column("request", LargeBinary, nullable=False, comment="to be signed with `provision`"),
        Column("at_ms", BigInteger, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("enrolments")
    op.drop_table("telemetry")
