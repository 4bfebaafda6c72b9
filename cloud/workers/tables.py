"""Workers of companies, and badges, which may be known long before their worker is."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    true,
)

from cloud.metadata import Id, Millis, metadata

workers = Table(
    "workers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("company_id", ForeignKey("companies.id"), nullable=False),
    Column("number", Text, nullable=False),
    Column("given_name", Text, nullable=False),
    Column("family_name", Text, nullable=False),
    Column("active", Boolean, nullable=False, server_default=true()),
    Column("inss_sealed", LargeBinary, comment="cloud.workers.vault"),
    Column("inss_mark", LargeBinary, comment="what it is found by; one person once a company"),
    UniqueConstraint("company_id", "number"),
    Index("ix_workers_company_id_inss_mark", "company_id", "inss_mark", unique=True),
)

badges = Table(
    "badges",
    metadata,
    Column("id", Id, primary_key=True),
    Column("profile", Text, nullable=False),
    Column("number", Text, nullable=False, comment="normalised: UID in upper-case hex, or digits"),
    Column("worker_id", ForeignKey("workers.id")),
    Column("employer_vat", Text, comment="as read from the badge, with country"),
    Column("valid_from_ms", Millis),
    Column("valid_until_ms", Millis),
    Column("first_seen_ms", Millis),
    UniqueConstraint("profile", "number"),
    Index("ix_badges_worker_id", "worker_id"),
)
