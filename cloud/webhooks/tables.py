"""Webhooks, the events each is told of, and the outbox: every delivery, until it is long over.

A registration is told of once for each of its versions: a webhook remembers up to which
registration, and up to which line of their history, it was told. What else happens is written here
in the transaction of what it tells of.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
    true,
)

from cloud.metadata import Id, Millis, metadata, one_of

ENDINGS = ("by-hand", "failing", "gone", "token")
_OPEN = text("over_ms IS NULL")
_OVER = text("over_ms IS NOT NULL")
_MISSED = text("over_ms IS NOT NULL AND outcome <> 'taken'")

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("company_id", ForeignKey("companies.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("scopes", Text, nullable=False, comment="which fields it is shown"),
    Column("sealed", LargeBinary, nullable=False, comment="its key, sealed by the vault"),
    Column("sealed_before", LargeBinary, comment="the key before, which signs as well"),
    Column("before_until_ms", Millis, comment="until then"),
    Column("active", Boolean, nullable=False, server_default=true()),
    Column("ended", Text, comment="why it is not active"),
    Column("ended_ms", Millis),
    Column("seen_registration", Id, nullable=False, comment="told up to this registration"),
    Column("seen_change", Id, nullable=False, comment="and up to this line of their history"),
    Column("failures", Integer, nullable=False, server_default="0", comment="in a row"),
    Column("failing_since_ms", Millis, comment="NULL: it took what was sent last"),
    Column("paused_until_ms", Millis, comment="tried again then"),
    Column("taken_ms", Millis, comment="when it last took something"),
    Column("outcome", Text, comment="of the last try"),
    Column("status", Integer, comment="of HTTP, likewise"),
    Column("created_ms", Millis, nullable=False),
    Column(
        "token_id",
        ForeignKey("api_tokens.id"),
        comment="the program it answers to; NULL: administrators",
    ),
    CheckConstraint(one_of("ended", *ENDINGS), name="ended"),
    CheckConstraint("active = (ended IS NULL)", name="active"),
    Index("ix_webhooks_company_id", "company_id"),
)

webhook_events = Table(
    "webhook_events",
    metadata,
    Column("webhook_id", ForeignKey("webhooks.id"), nullable=False),
    Column("event", Text, nullable=False),
    PrimaryKeyConstraint("webhook_id", "event"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("webhook_id", ForeignKey("webhooks.id"), nullable=False),
    Column("message", Text, nullable=False, unique=True, comment="the same at every try"),
    Column("event", Text, nullable=False),
    # No foreign key: it may be told that something is gone.
    Column("subject_id", Id, comment="id of the thing; NULL: a test"),
    Column("at_ms", Millis, nullable=False, comment="when it happened"),
    Column("due_ms", Millis, nullable=False, comment="tried then, or again then"),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("first_ms", Millis, comment="of the first try"),
    Column("tried_ms", Millis, comment="of the last one that ended"),
    Column("body", Text, comment="JSON as it was sent first; NULL: not yet"),
    Column("outcome", Text, comment="of the last try"),
    Column("status", Integer, comment="of HTTP, likewise"),
    Column("answer", Text, comment="the beginning of what was answered"),
    Column("over_ms", Millis, comment="taken, or given up; NULL: it is still owed"),
    Index(
        "ix_webhook_deliveries_open",
        "webhook_id",
        "due_ms",
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    ),
    Index(
        "ix_webhook_deliveries_missed",
        "webhook_id",
        sqlite_where=_MISSED,
        postgresql_where=_MISSED,
    ),
    Index("ix_webhook_deliveries_over_ms", "over_ms", sqlite_where=_OVER, postgresql_where=_OVER),
    Index("ix_webhook_deliveries_webhook_id_id", "webhook_id", "id"),
    # By which what was sent of somebody is found, who asks to be erased.
    Index("ix_webhook_deliveries_subject_id", "subject_id"),
)
