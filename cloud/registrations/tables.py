"""Registrations, how they changed, and what asks for them to be attributed anew.

A registration has foreign keys where its values come from what people enter. It has none for its
epoch and terminal, which come from custody, nor for company and division, which its site implies:
PostgreSQL inserts 49,000 rows a second so, 27,000 with all eight.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from cloud.metadata import Id, Millis, metadata, one_of

registrations = Table(
    "registrations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("epoch_id", Id, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("terminal_id", Id, nullable=False),
    Column("reader", Text),
    Column("badge_id", ForeignKey("badges.id"), nullable=False),
    Column("assurance", SmallInteger, nullable=False, comment="protocol.badges.Assurance"),
    Column("flags", Integer, nullable=False, server_default="0"),
    Column("worker_id", ForeignKey("workers.id")),
    Column("employer_id", ForeignKey("companies.id"), comment="whom the worker works for"),
    Column("company_id", Id, comment="whose site it is"),
    Column("division_id", Id),
    Column("site_id", ForeignKey("sites.id")),
    Column("direction", Text, nullable=False),
    Column("tapped_ms", Millis, nullable=False),
    Column("earliest_ms", Millis, comment="NULL: nobody can say"),
    Column("latest_ms", Millis, comment="NULL: nobody can say"),
    Column(
        "corrected", Boolean, nullable=False, server_default=false(), comment="by a clock record"
    ),
    Column("received_ms", Millis, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("reason", Text, comment="why it is not wholly attributed"),
    UniqueConstraint("epoch_id", "seq"),
    CheckConstraint("assurance BETWEEN 1 AND 4", name="assurance"),
    CheckConstraint(
        one_of("direction", "auto", "in", "out", "break-start", "break-end"), name="direction"
    ),
    # What somebody sees of the newest: one of these for each rule that may give it.
    Index("ix_registrations_company_id_id", "company_id", "id"),
    Index("ix_registrations_employer_id_id", "employer_id", "id"),
    Index("ix_registrations_division_id_id", "division_id", "id"),
    Index("ix_registrations_site_id_id", "site_id", "id"),
    Index("ix_registrations_tapped_ms", "tapped_ms"),
    Index("ix_registrations_terminal_id_tapped_ms", "terminal_id", "tapped_ms"),
    Index("ix_registrations_site_id_tapped_ms", "site_id", "tapped_ms"),
    Index("ix_registrations_worker_id_tapped_ms", "worker_id", "tapped_ms"),
    Index("ix_registrations_badge_id_tapped_ms", "badge_id", "tapped_ms"),
)

registration_history = Table(
    "registration_history",
    metadata,
    Column("registration_id", ForeignKey("registrations.id"), nullable=False),
    Column("version", Integer, nullable=False, comment="the version these values had"),
    Column("worker_id", ForeignKey("workers.id")),
    Column("employer_id", ForeignKey("companies.id")),
    Column("company_id", ForeignKey("companies.id")),
    Column("division_id", ForeignKey("divisions.id")),
    Column("site_id", ForeignKey("sites.id")),
    Column("at_ms", Millis, nullable=False, comment="when they were replaced"),
    Column("why", Text, nullable=False),
    PrimaryKeyConstraint("registration_id", "version"),
)

reattribution = Table(
    "reattribution",
    metadata,
    Column("id", Id, primary_key=True),
    Column("terminal_id", ForeignKey("terminals.id")),
    Column("badge_id", ForeignKey("badges.id")),
    Column("from_ms", Millis, comment="registrations tapped from then on; NULL: all"),
    Column("why", Text, nullable=False),
    Column("at_ms", Millis, nullable=False),
)
