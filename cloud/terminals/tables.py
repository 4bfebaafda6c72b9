"""Terminals, and the sites they are assigned to, from when until when."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
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
