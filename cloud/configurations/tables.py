"""Configurations, each a number of one terminal's. All are kept: records name theirs."""

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, PrimaryKeyConstraint, Table

from cloud.metadata import Id, Millis, metadata

configurations = Table(
    "configurations",
    metadata,
    Column("terminal_id", Id, ForeignKey("terminals.id"), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False, comment="protocol.configured.Configured"),
    Column("created_ms", Millis, nullable=False),
    PrimaryKeyConstraint("terminal_id", "number"),
)
