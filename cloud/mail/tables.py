"""The outbox."""

from sqlalchemy import Column, Index, Integer, Table, Text

from cloud.metadata import Id, Millis, metadata

mails = Table(
    "mails",
    metadata,
    Column("id", Id, primary_key=True),
    Column("address", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, comment="NULL once it is over: whoever reads a link in it gets in"),
    Column("created_ms", Millis, nullable=False),
    Column("due_ms", Millis, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("sent_ms", Millis),
    Column("failed_ms", Millis, comment="given up"),
    Index("ix_mails_due_ms", "due_ms"),
)
