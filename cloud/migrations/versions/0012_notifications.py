"""Notifications."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Text,
    text,
)

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

Id = BigInteger().with_variant(Integer(), "sqlite")
_KINDS = "'terminal-silent', 'certificate-ageing', 'queue-growing', 'gap', 'fork', 'invitation',"
_STANDS = text("closed_ms IS NULL")


def upgrade() -> None:
    op.create_table(
        "notifications",
        Column("id", Id, primary_key=True),
        Column("kind", Text, nullable=False),
        Column("episode", Text, nullable=False, comment="what it is about, within its kind"),
        Column("terminal_id", Id, ForeignKey("terminals.id")),
        Column("site_id", Id, ForeignKey("sites.id"), comment="whoever reaches it is told"),
        Column("account_id", Id, ForeignKey("accounts.id"), comment="of one person alone"),
        Column("detail", Text, nullable=False, comment="JSON"),
        Column("at_ms", BigInteger, nullable=False),
        Column("closed_ms", BigInteger, comment="NULL: it is still so"),
        CheckConstraint(f"kind IN ({_KINDS} 'private-company')", name="kind"),
        Index(
            "ix_notifications_standing",
            "kind",
            "episode",
            unique=True,
            sqlite_where=_STANDS,
            postgresql_where=_STANDS,
        ),
        Index("ix_notifications_at_ms", "at_ms"),
    )
    op.create_table(
        "notification_reads",
        Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
        Column("notification_id", Id, ForeignKey("notifications.id"), nullable=False),
        Column("read_ms", BigInteger, nullable=False),
        PrimaryKeyConstraint("account_id", "notification_id"),
    )
    op.create_table(
        "notification_choices",
        Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
        Column("kind", Text, nullable=False),
        Column("by_mail", Boolean, nullable=False),
        PrimaryKeyConstraint("account_id", "kind"),
    )
    op.create_table(
        "notification_mails",
        Column("notification_id", Id, ForeignKey("notifications.id"), nullable=False),
        Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
        Column("due_ms", BigInteger, nullable=False),
        Column("tries", Integer, nullable=False, server_default="0"),
        Column("sent_ms", BigInteger, comment="NULL: not yet"),
        PrimaryKeyConstraint("notification_id", "account_id"),
    )


def downgrade() -> None:
    op.drop_table("notification_mails")
    op.drop_table("notification_choices")
    op.drop_table("notification_reads")
    op.drop_table("notifications")
