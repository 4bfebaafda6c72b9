"""Notifications, who has read which, and what each account wants by mail.

A private company is met at a site, a terminal told of by itself: whoever reaches the site or the
terminal sees the notification. One with a company is its administrators', one with an account that
account's alone.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from cloud.metadata import Id, Millis, metadata, one_of
from cloud.notifications.kinds import Kind

_STANDS = text("closed_ms IS NULL")

notifications = Table(
    "notifications",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("episode", Text, nullable=False, comment="what it is about, within its kind"),
    Column("terminal_id", ForeignKey("terminals.id")),
    Column("site_id", ForeignKey("sites.id"), comment="whoever reaches it is told"),
    Column("account_id", ForeignKey("accounts.id"), comment="of one person alone"),
    Column("detail", Text, nullable=False, comment="JSON"),
    Column("at_ms", Millis, nullable=False),
    Column("closed_ms", Millis, comment="NULL: it is still so"),
    Column("company_id", ForeignKey("companies.id"), comment="its administrators are told"),
    CheckConstraint(one_of("kind", *(kind.value for kind in Kind)), name="kind"),
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

notification_reads = Table(
    "notification_reads",
    metadata,
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("notification_id", ForeignKey("notifications.id"), nullable=False),
    Column("read_ms", Millis, nullable=False),
    PrimaryKeyConstraint("account_id", "notification_id"),
)

notification_mails = Table(
    "notification_mails",
    metadata,
    Column("notification_id", ForeignKey("notifications.id"), nullable=False),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("due_ms", Millis, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("sent_ms", Millis, comment="NULL: not yet"),
    PrimaryKeyConstraint("notification_id", "account_id"),
)

notification_choices = Table(
    "notification_choices",
    metadata,
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("by_mail", Boolean, nullable=False),
    PrimaryKeyConstraint("account_id", "kind"),
)
