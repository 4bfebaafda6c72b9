"""Workers of companies, and badges, which may be known long before their worker is.

A *restriction* says that a company shows nothing of what somebody registered up to a moment: the
person asked to be erased, or its time is over. A worker of its own is shown no more either, and
keeps no badge; whose the badges were until then, *former holders* say.
"""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    true,
)

from cloud.metadata import Id, Millis, handle, metadata

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
    Column("handle", LargeBinary, default=handle, comment="what the log of erasures calls them"),
    Column("ended_ms", Millis, comment="since when inactive"),
    Column("restricted_ms", Millis, comment="since when shown to nobody of the company"),
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

restrictions = Table(
    "restrictions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("company_id", ForeignKey("companies.id"), nullable=False, comment="which shows nothing"),
    Column("worker_id", ForeignKey("workers.id"), nullable=False, comment="its own, or another's"),
    Column("until_ms", Millis, nullable=False, comment="of what was tapped up to then"),
    Column("number", Text, comment="the worker's, in the company whose own it is"),
    UniqueConstraint("company_id", "worker_id"),
    Index("ix_restrictions_worker_id", "worker_id"),
)

former_holders = Table(
    "former_holders",
    metadata,
    Column("badge_id", ForeignKey("badges.id"), nullable=False),
    Column("until_ms", Millis, nullable=False, comment="what was tapped up to then is theirs"),
    Column("worker_id", ForeignKey("workers.id"), nullable=False),
    Column("valid_from_ms", Millis, comment="as it was for this holder"),
    Column("valid_until_ms", Millis),
    PrimaryKeyConstraint("badge_id", "until_ms"),
    Index("ix_former_holders_worker_id", "worker_id"),
)
