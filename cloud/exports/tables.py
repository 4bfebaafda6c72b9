"""Exports as they were made: what was taken away once stays to be taken away again, the same.

But for persons: what a company is not shown any more is taken out of its snapshots as well, and the
next one says so. *Withdrawals* are what is to be taken out, and to be said.
"""

from sqlalchemy import (
    BigInteger,
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
    UniqueConstraint,
    text,
)

from cloud.metadata import Id, Millis, metadata, one_of

_IN_EXPORTS = text("in_exports")

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
    Column("erased_ms", Millis, comment="its time was over: its parts are gone"),
    UniqueConstraint("company_id", "number"),
)

export_parts = Table(
    "export_parts",
    metadata,
    Column("export_id", ForeignKey("exports.id"), nullable=False),
    Column("part", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False, comment="JSON, a row a line, by zlib"),
    Column("first_registration", BigInteger, comment="the least id in it; NULL: nobody noted"),
    Column("last_registration", BigInteger, comment="the greatest id in it"),
    Column("corrections", Boolean, comment="whether it has any; NULL: nobody noted"),
    PrimaryKeyConstraint("export_id", "part"),
)

withdrawals = Table(
    "withdrawals",
    metadata,
    # No foreign keys: they outlive what they speak of.
    Column("company_id", Id, nullable=False, comment="which is not shown it any more"),
    Column("what", Text, nullable=False),
    Column("number", BigInteger, nullable=False, comment="of the registration, or the correction"),
    Column("division_id", Id),
    Column("site_id", Id),
    Column("at_ms", Millis, nullable=False),
    Column("erased", Boolean, nullable=False, comment="or else it is kept, and restricted"),
    Column("in_exports", Boolean, nullable=False, comment="may still stand in snapshots"),
    Column("version", Integer, comment="of `earlier`: the last one that goes"),
    PrimaryKeyConstraint("company_id", "what", "number"),
    CheckConstraint(
        one_of("what", "registration", "earlier", "correction", "entered", "approved"), name="what"
    ),
    Index("ix_withdrawals_at_ms", "at_ms"),
    Index(
        "ix_withdrawals_in_exports",
        "company_id",
        sqlite_where=_IN_EXPORTS,
        postgresql_where=_IN_EXPORTS,
    ),
)
"""`earlier`: of a registration, the versions that named somebody else than the present one does.
`entered` and `approved`: of a correction, who it was; that account was closed."""
