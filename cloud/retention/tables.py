"""How long each company keeps presences, how far the sweep has come, and who asked to be erased."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, Text

from cloud.metadata import Id, Millis, metadata

retention_policies = Table(
    "retention_policies",
    metadata,
    Column("company_id", ForeignKey("companies.id"), primary_key=True),
    Column("months", Integer, nullable=False),
    Column("changed_ms", Millis, nullable=False),
)

retention_sweeps = Table(
    "retention_sweeps",
    metadata,
    Column("months", Integer, primary_key=True, autoincrement=False, comment="kept for so long"),
    Column("swept_ms", Millis, nullable=False, comment="what was tapped before was looked at"),
    Column("whole_ms", Millis, nullable=False, comment="when it last began at the beginning"),
)

erasure_requests = Table(
    "erasure_requests",
    metadata,
    Column("id", Id, primary_key=True),
    Column("company_id", ForeignKey("companies.id"), nullable=False, comment="which was asked"),
    # No foreign keys: requests outlive whom they speak of, and who made them.
    Column("worker_id", Id, comment="NULL: nothing is left"),
    Column("at_ms", Millis, nullable=False),
    Column("account_id", Id, comment="who enters it; NULL: a program, or the operator"),
    Column("token_id", Id),
    Column("approved", Boolean, comment="NULL: somebody else is to decide"),
    Column("decided_by", Id, comment="account; NULL: who entered it was enough"),
    Column("decided_ms", Millis),
    Column("done_ms", Millis, comment="all that could go went, the rest is restricted"),
    Column("until_ms", Millis, comment="until when something is kept; NULL: nothing is"),
    Column("over_ms", Millis, comment="nothing is left"),
    Column("counts", Text, comment="JSON: what went, by kind"),
    Index("ix_erasure_requests_company_id", "company_id"),
)

erasing = Table(
    "erasing",
    metadata,
    Column("id", Id, primary_key=True),
    comment="a row only within a transaction that erases: it opens what refuses to delete",
)
