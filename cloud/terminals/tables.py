"""Terminals, the sites they are assigned to from when until when, and what they told of late."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from cloud.metadata import Id, Millis, metadata, one_of

terminals = Table(
    "terminals",
    metadata,
    Column("id", Id, primary_key=True),
    Column("thumbprint", LargeBinary, nullable=False, unique=True),
    Column("device", Text, nullable=False, unique=True, comment="device number, compact"),
    Column("public_key", LargeBinary, nullable=False, comment="COSE_Key"),
    Column("name", Text),
    Column("status", Text, nullable=False, server_default="active"),
    Column("last_seen_ms", Millis),
    Column("last_status", Text, comment="JSON, as the terminal last published it"),
    Column("created_ms", Millis, nullable=False),
    Column("sealing_key", LargeBinary, comment="X25519, as the terminal's last hello says"),
    Column("config_number", BigInteger, comment="in force, as its last hello says"),
    CheckConstraint(one_of("status", "active", "inactive", "revoked", "banned"), name="status"),
    CheckConstraint("length(thumbprint) = 32", name="thumbprint"),
)

assignments = Table(
    "assignments",
    metadata,
    Column("id", Id, primary_key=True),
    Column("terminal_id", ForeignKey("terminals.id"), nullable=False),
    Column("site_id", ForeignKey("sites.id"), nullable=False),
    Column("from_ms", Millis, nullable=False),
    Column("to_ms", Millis, comment="the first moment it no longer holds"),
    UniqueConstraint("terminal_id", "from_ms"),
    CheckConstraint("to_ms > from_ms", name="period"),
    Index(
        "ix_assignments_open",
        "terminal_id",
        unique=True,
        sqlite_where=text("to_ms IS NULL"),
        postgresql_where=text("to_ms IS NULL"),
    ),
)

telemetry = Table(
    "telemetry",
    metadata,
    Column("terminal_id", ForeignKey("terminals.id"), nullable=False),
    Column("at_ms", Millis, nullable=False, comment="when the five minutes began"),
    Column("queue", BigInteger, comment="the most in them"),
    Column("receipt_ms", Millis, comment="the longest in them"),
    Column("clock_ms", Millis, comment="the terminal's minus ours, the nearest to zero"),
    Column("clock_sync", Text),
    Column("clock_bound_ms", Millis),
    Column("unreadable", BigInteger, comment="since the terminal's program started"),
    Column("uptime_s", BigInteger),
    Column("readers", Text, comment="JSON: states by name"),
    Column("certificate_ms", Millis, comment="when it ends"),
    PrimaryKeyConstraint("terminal_id", "at_ms"),
)

enrolments = Table(
    "enrolments",
    metadata,
    Column("terminal_id", ForeignKey("terminals.id"), primary_key=True),
    Column("request", LargeBinary, nullable=False, comment="to be signed with `provision`"),
    Column("at_ms", Millis, nullable=False),
)
