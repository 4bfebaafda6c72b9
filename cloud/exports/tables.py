"""Exports as they were made: what was taken away once stays to be taken away again, the same."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from cloud.metadata import Id, Millis, metadata

exports = Table(
    "exports",
    metadata,
    Column("id", Id, primary_key=True),
    Column("company_id", ForeignKey("companies.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("scope", Text, nullable=False, comment="JSON: what of the company it was made to see"),
    Column("since_number", Integer, comment="the snapshot it goes on from; NULL: it is whole"),
    Column("last_registration", BigInteger, nullable=False, comment="the greatest id in it"),
    Column("last_correction", BigInteger, nullable=False),
    Column("last_decision_ms", Millis, nullable=False),
    Column("until_ms", Millis, nullable=False, comment="the full hour that it was asked at"),
    Column("incomplete", Text, nullable=False, comment="JSON: terminals that may hold more"),
    Column("rows", BigInteger, nullable=False, server_default="0"),
    Column("account_id", Id, comment="NULL: the operator, at the machine itself"),
    Column("at_ms", Millis, nullable=False),
    Column("finished_ms", Millis, comment="NULL: it is being made, or was cut short"),
    UniqueConstraint("company_id", "number"),
)

export_parts = Table(
    "export_parts",
    metadata,
    Column("export_id", ForeignKey("exports.id"), nullable=False),
    Column("part", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False, comment="JSON, a row a line, by zlib"),
    PrimaryKeyConstraint("export_id", "part"),
)
